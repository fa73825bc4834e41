import { beforeEach, expect, test } from 'vitest'
import { readNamedUsers } from '../../../src/work/observing/read-users-by-name.ts'
import { captivePortal } from '../../stand-in/faults.ts'
import { pollAndScan, useDeleting, workOf } from '../../support/deleting.ts'

const ledger = useDeleting()
beforeEach(async () => {
  ledger.panel.state.createAdmin('ada')
  await pollAndScan(ledger)
})

test.each([
  ['about users now and then: the others are read', 'now', [1, 3, 5, 7, 9], 'PREFIX[02468]'],
  ['about the first users: the others are read', 'first', [5, 6, 7, 8, 9], 'PREFIX[0-4]'],
  ['about everything: nobody else is asked for', 'all', [0], '(PREFIX[1-3]|/api/admin)'],
])('bad answers %s', async (_, kind, read, bad) => {
  const prefix = `user_${kind}_`
  const names = Array.from({ length: 10 }, (_, index) => `${prefix}${index}`)
  for (const name of names) ledger.panel.state.createUser(name, { admin: 'ada', lifetime: 10n })
  ledger.panel.faults.add({
    ...captivePortal,
    path: new RegExp(`^${bad.replace('PREFIX', `/api/user/${prefix}`)}$`),
  })
  const reading = readNamedUsers({ ...workOf(ledger), rest: async () => {} }, names)
  await expect(reading).rejects.toMatchObject({ code: 'panel_bad_answer' })
  const rows = await ledger.db
    .selectFrom('tenures')
    .select('username')
    .where('username', 'in', names)
    .orderBy('username')
    .execute()
  expect(rows.map(({ username }) => username)).toEqual(read.map((index) => `${prefix}${index}`))
})
