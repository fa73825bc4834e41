import { expect, test } from 'vitest'
import { bulkOutcome } from '../../../src/work/deleting/bulk-outcome.ts'

test.each([
  [{ deleted: 2 }, { state: 'deleted' }],
  [{}, { state: 'gone' }],
  [{ deleted: 2, failed: 1 }, leaves('1 user could not be deleted; its receipt says why.')],
  [{ failed: 2 }, leaves('2 users could not be deleted; their receipts say why.')],
])('the end of a bulk deletion of %j', (counts, outcome) => {
  expect(bulkOutcome(counts)).toEqual(outcome)
})

function leaves(message: string) {
  return { state: 'incomplete', error: { code: 'users_left', message } }
}
