import { describe, expect, test } from 'vitest'
import { noteHeld, planHeld } from '../../../src/store/holds/held-users.ts'
import { createHolds } from '../../../src/work/holding/operator-hold.ts'
import { send } from './raw.ts'
import { useFront } from './use-front.ts'
import { json } from './use-held-front.ts'

describe('on MySQL, which takes other spellings for the same name', () => {
  const front = useFront({ database: 'mysql' })

  test.each([
    ['PUT', (username: string) => `/api/user/${username}%20`],
    ['POST', () => '/api/admin/ADA/users/disable'],
    ['POST', () => '/api/admin/%C3%A4da%20/users/disable'],
  ])('a user that %s disables under another spelling stays so', async (method, pathOf) => {
    const { db, panel } = front.service
    const username = front.newUser('ada', 0n)
    const user = panel.state.mustFind(username)
    const adminId = await front.service.idOf('ada')
    await createHolds({ db }).place(adminId, { reason: 'unpaid', by: 'api_key' })
    const former = { status: 'active', onHoldDuration: null, onHoldTimeout: null } as const
    const row = await planHeld(db, adminId, { username, createdAt: user.createdAt, ...former })
    user.status = 'disabled'
    if (row) await noteHeld(db, row)
    const request = { headers: { ...front.service.as('root'), ...json }, body: '{"status":"disabled"}' }
    expect((await send(front.address, method, pathOf(username), request)).status).toBe(200)
    const { state } = await db
      .selectFrom('held_users')
      .select('state')
      .where('username', '=', username)
      .executeTakeFirstOrThrow()
    expect(state).toBe('kept')
  })
})
