import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { noteHeld, planHeld } from '../../../src/store/holds/held-users.ts'
import { createHolds } from '../../../src/work/holding/operator-hold.ts'
import { until } from '../../support/until.ts'
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

test.each([
  ['a user', 'PUT', (username: string) => `/api/user/${username}`],
  ['all users of an admin', 'POST', () => '/api/admin/ada/users/disable'],
])('%s that a caller disables stays so when it leaves before the answer', async (_whom, method, pathOf) => {
  const username = front.newUser('ada', 0n)
  await holdUser(username, 'ada')
  const path = pathOf(username)
  const { hostname, port } = new URL(front.address)
  const caller = connect(Number(port), hostname).on('error', () => {})
  const { logged, panel } = front.service
  logged.length = 0
  panel.faults.add({
    kind: 'hook',
    method,
    path,
    before: async () => {
      caller.resetAndDestroy()
      const isNoticed = async () => logged.some(({ msg }) => msg === 'a client went away')
      await until('the service has noticed that', isNoticed, 5_000)
    },
  })
  const body = '{"status":"disabled"}'
  const { authorization } = front.service.as('root')
  caller.write(
    `${method} ${path} HTTP/1.1\r\nhost: x\r\nauthorization: ${authorization}\r\ncontent-type: application/json\r\n` +
      `content-length: ${body.length}\r\n\r\n${body}`,
  )
  await until('it is noted', async () => (await statesOf(username))[0] === 'kept', 5_000)
})
