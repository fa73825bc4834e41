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
  ['now and then: the others are read', '[02468]', [1, 3, 5, 7, 9]],
  ['one after the other: nobody else is asked for', '[1-3]', [0]],
])('bad answers %s', async (what, bad, read) => {
  const prefix = `user_${what.slice(0, 3)}_`
  const names = Array.from({ length: 10 }, (_, index) => `${prefix}${index}`)
  for (const name of names) ledger.panel.state.createUser(name, { admin: 'ada', lifetime: 10n })
  ledger.panel.faults.add({ ...captivePortal, path: new RegExp(`^/api/user/${prefix}${bad}$`) })
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
