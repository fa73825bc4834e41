import { describe, expect, test } from 'vitest'
import { inconsistentAccounts } from '../../support/ledger.ts'
import { send } from './raw.ts'
import { useFront } from './use-front.ts'

const front = useFront()
const { newUser, through } = front

async function counted(username: string, admin = 'ada'): Promise<bigint | null> {
  const row = await front.service.db
    .selectFrom('tenures')
    .select('counted')
    .where('username', '=', username)
    .where('admin_id', '=', await front.service.idOf(admin))
    .executeTakeFirst()
  return row?.counted ?? null
}

async function tenureOf(username: string) {
  return front.service.db
    .selectFrom('tenures')
    .select(['counted', 'ended_by', 'reading'])
    .where('username', '=', username)
    .executeTakeFirst()
}

async function receiptsOf(username: string) {
  return front.service.db
    .selectFrom('deletions')
    .select(['state', 'final_reading', 'requested_by', 'error'])
    .where('username', '=', username)
    .execute()
}

describe('DELETE /api/user/{username}', () => {
  test('preserves the final reading, gives the panel its word, and leaves a receipt', async () => {
    const username = newUser('ada', 1_000n)
    const answer = await through('DELETE', `/api/user/${username}`, 'ada')
    expect(answer).toMatchObject({ status: 200, body: '{"detail":"User successfully deleted"}' })
    expect(front.service.panel.state.users.has(username)).toBe(false)
    expect(await tenureOf(username)).toMatchObject({ counted: 1_000n, ended_by: 'service' })
    expect(await receiptsOf(username)).toEqual([
      { state: 'deleted', final_reading: 1_000n, requested_by: 'admin:ada', error: null },
    ])
  })

  test('is durable before the panel hears of it', async () => {
    const username = newUser('ada', 700n)
    let seen: unknown
    front.service.panel.faults.add({
      kind: 'hook',
      method: 'DELETE',
      before: async () => {
        seen = { counted: await counted(username), receipts: await receiptsOf(username) }
      },
    })
    await through('DELETE', `/api/user/${username}`, 'ada')
    expect(seen).toMatchObject({ counted: 700n, receipts: [{ state: 'preserved', final_reading: 700n }] })
  })

  test('of a user without an owner: the panel answers 500 and has deleted it, and the receipt says so', async () => {
    const username = newUser(null, 50n)
    const answer = await through('DELETE', `/api/user/${username}`, 'root')
    expect(answer).toMatchObject({ status: 500, body: 'Internal Server Error' })
    expect(await receiptsOf(username)).toMatchObject([{ state: 'deleted' }])
  })

  test('that the panel fails at is reported as failed, and the user goes on being counted', async () => {
    const username = newUser('ada', 60n)
    front.service.panel.faults.add({ kind: 'answer', method: 'DELETE', status: 500 })
    const answer = await through('DELETE', `/api/user/${username}`, 'ada')
    expect(answer.status).toBe(500)
    expect(await receiptsOf(username)).toMatchObject([{ state: 'failed' }])
    expect(await tenureOf(username)).toMatchObject({ counted: 60n, ended_by: null })
  })

  test.each([{ acts: true }, { acts: false }])(
    'whose answer is cut off ($acts) tells what became of it',
    async ({ acts }) => {
      const username = newUser('ada', 80n)
      front.service.panel.faults.add({ kind: 'cut', method: 'DELETE', acts })
      const answer = await through('DELETE', `/api/user/${username}`, 'ada')
      expect(answer.status).toBe(502)
      expect(JSON.parse(answer.body)).toEqual({
        detail: expect.stringContaining(acts ? 'was deleted' : 'was not deleted'),
      })
      expect(await receiptsOf(username)).toMatchObject([{ state: acts ? 'deleted' : 'failed' }])
      expect(await counted(username)).toBe(80n)
    },
  )

  test('of a user that is gone already ends what the ledger held open', async () => {
    const username = newUser('ada', 90n)
    await front.service.scan()
    front.service.panel.state.deleteUser(username)
    const answer = await through('DELETE', `/api/user/${username}`, 'ada')
    expect(answer).toMatchObject({ status: 404, body: '{"detail":"User not found"}' })
    expect(await tenureOf(username)).toMatchObject({ counted: 90n, ended_by: 'panel' })
  })

  test('twice at the same moment deletes once and counts once', async () => {
    const username = newUser('ada', 10n)
    const answers = await Promise.all([
      through('DELETE', `/api/user/${username}`, 'ada'),
      through('DELETE', `/api/user/${username}`, 'ada'),
    ])
    expect(answers.map(({ status }) => status).toSorted()[0]).toBe(200)
    expect([404, 409]).toContain(answers.map(({ status }) => status).toSorted()[1])
    expect(await counted(username)).toBe(10n)
  })
})

describe('a reset of one user', () => {
  test.each(['reset', 'active-next'])('by %s is read right before and right after', async (action) => {
    const nextPlan = { data_limit: null, expire: null, add_remaining_traffic: false, fire_on_either: true }
    const username = newUser('ada', 300n, { nextPlan })
    const answer = await through('POST', `/api/user/${username}/${action}`, 'ada')
    expect(answer.status).toBe(200)
    expect(await counted(username)).toBe(300n)
    front.service.panel.state.accrue(username, 5)
    await front.service.scan()
    expect(await counted(username)).toBe(305n)
  })
})

test('set-owner leaves the past with the owner it was consumed under', async () => {
  const username = newUser('ada', 400n)
  const answer = await through('PUT', `/api/user/${username}/set-owner?admin_username=bob`, 'root')
  expect(answer.status).toBe(200)
  front.service.panel.state.accrue(username, 7)
  await front.service.scan()
  expect(await counted(username)).toBe(400n)
  expect(await counted(username, 'bob')).toBe(7n)
})

describe('POST /api/users/reset', () => {
  const reset = () =>
    send(front.address, 'POST', '/api/users/reset', { headers: { authorization: `Bearer ${sudoToken()}` } })

  test('reads every user before their counters fall to zero', async () => {
    const names = Array.from({ length: 230 }, () => newUser('ada', 11n))
    // Only sudo admins may.
    expect((await through('POST', '/api/users/reset', 'ada')).status).toBe(403)
    expect(await counted(names[0] ?? '')).toBeNull()
    expect((await reset()).status).toBe(200)
    expect(front.service.panel.state.mustFind(names[0] ?? '').used).toBe(0n)
    for (const name of names) expect(await counted(name)).toBe(11n)
  })

  test.each([
    ['less', 4n],
    ['more', 400n],
  ])('loses nothing of what is consumed right after it, %s than before', async (_name, bytes) => {
    const username = newUser('ada', 100n)
    const unowned = newUser(null, 100n)
    front.service.panel.faults.add({
      kind: 'hook',
      method: 'POST',
      path: '/api/users/reset',
      after: () => {
        for (const name of [username, unowned]) front.service.panel.state.accrue(name, bytes)
      },
    })
    expect((await reset()).status).toBe(200)
    await front.service.scan()
    expect(await counted(username)).toBe(100n + bytes)
  })

  test('that the panel fails at leaves the counters where they are', async () => {
    const username = newUser('ada', 100n)
    front.service.panel.faults.add({ kind: 'answer', method: 'POST', path: '/api/users/reset', status: 500 })
    expect((await reset()).status).toBe(500)
    front.service.panel.state.accrue(username, 5)
    await front.service.scan()
    expect(await counted(username)).toBe(105n)
  })

  test('of an admin in the database reads and resets its own users', async () => {
    const own = newUser('root', 21n)
    const other = newUser('ada', 22n)
    await front.service.scan()
    front.service.panel.requests.length = 0
    expect((await through('POST', '/api/users/reset', 'root')).status).toBe(200)
    expect(front.service.panel.requests.find(({ path }) => path === '/api/users')?.as).toBe('root')
    front.service.panel.state.accrue(own, 30)
    front.service.panel.state.accrue(other, 30)
    await front.service.scan()
    expect(await counted(own, 'root')).toBe(51n)
    expect(await counted(other)).toBe(52n)
  })

  test('counts nothing twice of a user that was not among those reset', async () => {
    const lent = newUser('root', 500n)
    await front.service.scan()
    front.service.panel.state.setOwner(lent, 'ada')
    expect((await through('POST', '/api/users/reset', 'root')).status).toBe(200)
    front.service.panel.state.setOwner(lent, 'root')
    await front.service.scan()
    expect(await counted(lent, 'root')).toBe(500n)
  })
})

function sudoToken(): string {
  const { username, password } = front.service.panel.sudo
  return front.service.panel.tokens.logIn(new URLSearchParams({ username, password })).access_token
}

test("a reset of an admin's usage is read right before and right after", async () => {
  const panelCounted = async () => {
    const { panel_counted: bytes } = await front.service.db
      .selectFrom('cumulative_traffic')
      .select('panel_counted')
      .where('admin_id', '=', await front.service.idOf('bob'))
      .executeTakeFirstOrThrow()
    return bytes
  }
  const username = newUser('bob', 0n)
  await front.service.poll()
  const before = await panelCounted()
  front.service.panel.state.accrue(username, 900)
  const answer = await through('POST', '/api/admin/usage/reset/bob', 'root')
  expect(answer.status).toBe(200)
  expect(await panelCounted()).toBe(before + 900n)
  front.service.panel.state.accrue(username, 50)
  await front.service.poll()
  expect(await panelCounted()).toBe(before + 950n)
})

test('DELETE /api/admin/{username} reads all its users, and closes the account', async () => {
  front.service.panel.state.createAdmin('eve')
  await front.service.poll()
  const names = [newUser('eve', 30n), newUser('eve', 31n)]
  const id = await front.service.idOf('eve')
  const answer = await through('DELETE', '/api/admin/eve', 'root')
  expect(answer.status).toBe(200)
  expect(front.service.panel.state.admins.has('eve')).toBe(false)
  const account = await front.service.db
    .selectFrom('admins')
    .innerJoin('cumulative_traffic', 'admin_id', 'id')
    .select(['closed_at', 'total_traffic_consumed'])
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  expect(account).toMatchObject({ closed_at: expect.any(Date), total_traffic_consumed: 61n })
  // They stay, without an owner, and nobody is charged for them from then on.
  front.service.panel.state.accrue(names[0] ?? '', 1_000)
  await front.service.scan()
  const { total } = await front.service.db
    .selectFrom('cumulative_traffic')
    .select('total_traffic_consumed as total')
    .where('admin_id', '=', id)
    .executeTakeFirstOrThrow()
  expect(total).toBe(61n)
})

describe('DELETE /api/users/expired', () => {
  const past = Math.floor(Date.now() / 1000) - 1_000

  test('preserves exactly the users that it deletes', async () => {
    const expired = newUser('ada', 1n, { status: 'expired', expire: past })
    const limited = newUser('ada', 2n, { status: 'limited', expire: past })
    const others = newUser('bob', 3n, { status: 'expired', expire: past })
    const active = newUser('ada', 4n, { expire: past })
    const answer = await through('DELETE', '/api/users/expired', 'ada')
    expect(answer.status).toBe(200)
    expect(JSON.parse(answer.body)).toEqual([expired, limited])
    for (const name of [expired, limited]) {
      expect(front.service.panel.state.users.has(name)).toBe(false)
      expect(await receiptsOf(name)).toMatchObject([{ state: 'deleted', requested_by: 'admin:ada' }])
    }
    for (const name of [others, active]) {
      expect(front.service.panel.state.users.has(name)).toBe(true)
      expect(await receiptsOf(name)).toEqual([])
    }
    front.service.panel.state.deleteUser(others)
  })

  test('spares a user that expires after the panel was asked which', async () => {
    const expired = newUser('ada', 1n, { status: 'expired', expire: past })
    const later = newUser('ada', 2n, { expire: past })
    front.service.panel.faults.add({
      kind: 'hook',
      method: 'GET',
      path: '/api/users/expired',
      after: () => {
        front.service.panel.state.mustFind(later).status = 'expired'
      },
    })
    const answer = await through('DELETE', '/api/users/expired', 'ada')
    expect(JSON.parse(answer.body)).toEqual([expired])
    expect(front.service.panel.state.users.has(later)).toBe(true)
    front.service.panel.state.deleteUser(later)
  })

  test.each([
    '',
    '?expired_after=2001-01-01T00:00:00Z',
    '?expired_after=nonsense',
    '?expired_after=2001-01-01T00:00:00',
  ])('without any, or with a wrong time (%s), answers what the panel answers', async (query) => {
    const direct = await send(front.service.panel.url, 'DELETE', `/api/users/expired${query}`, {
      headers: front.service.as('ada'),
    })
    const answer = await through('DELETE', `/api/users/expired${query}`, 'ada')
    expect([answer.status, answer.body]).toEqual([direct.status, direct.body])
  })
})

test('after all of this every total is the sum of its parts', async () => {
  expect(await inconsistentAccounts(front.service.db)).toEqual([])
})
