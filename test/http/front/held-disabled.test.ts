import { expect, test } from 'vitest'
import { noteHeld, planHeld } from '../../../src/store/holds/held-users.ts'
import { createHolds } from '../../../src/work/holding/operator-hold.ts'
import { send } from './raw.ts'
import { useFront } from './use-front.ts'
import { json } from './use-held-front.ts'

const front = useFront()

/** Has the hold of an admin disable a user. */
async function holdUser(username: string, admin: string): Promise<void> {
  const { db, panel } = front.service
  const user = panel.state.mustFind(username)
  const adminId = await front.service.idOf(admin)
  await createHolds({ db }).place(adminId, { reason: 'unpaid', by: 'api_key' })
  const former = { status: 'active', onHoldDuration: null, onHoldTimeout: null } as const
  const row = await planHeld(db, adminId, { username, createdAt: user.createdAt, ...former })
  user.status = 'disabled'
  if (row) await noteHeld(db, row)
}

async function statesOf(...usernames: string[]): Promise<string[]> {
  const rows = await front.service.db.selectFrom('held_users').select(['username', 'state']).execute()
  return usernames.map((name) => rows.find(({ username }) => username === name)?.state ?? 'none')
}

test('a user that is disabled through the front stays so when the hold ends, and so do all of an admin', async () => {
  const [first, second, third] = [
    front.newUser('ada', 0n),
    front.newUser('ada', 0n),
    front.newUser('bob', 0n),
  ]
  for (const username of [first, second]) await holdUser(username, 'ada')
  await holdUser(third, 'bob')
  const request = { headers: { ...front.service.as('root'), ...json }, body: '{"status":"disabled"}' }
  expect((await send(front.address, 'PUT', `/api/user/${first}`, request)).status).toBe(200)
  expect(await statesOf(first, second, third)).toEqual(['kept', 'held', 'held'])
  expect((await front.through('POST', '/api/admin/ada/users/disable', 'bob')).status).toBe(403)
  expect(await statesOf(first, second, third)).toEqual(['kept', 'held', 'held'])
  expect((await front.through('POST', '/api/admin/ada/users/disable', 'root')).status).toBe(200)
  expect(await statesOf(first, second, third)).toEqual(['kept', 'kept', 'held'])
})
