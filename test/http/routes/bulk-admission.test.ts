import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startTestService, type TestService, withKey } from '../service.ts'

let service: TestService
let ana: number
beforeEach(async () => {
  service = await startTestService({ admins: [{ username: 'ana' }, { username: 'bob' }] })
  for (const [username, admin, status] of [
    ['a1', 'ana', 'active'],
    ['a2', 'ana', 'expired'],
    ['a3', 'ana', 'limited'],
    ['b1', 'bob', 'active'],
  ] as const) {
    service.panel.state.createUser(username, { admin, status })
  }
  await service.poll()
  await service.scan()
  ana = Number(await service.idOf('ana'))
  service.as('ana')
  await service.app.inject({ url: '/admins/me', headers: service.as('ana') })
  service.takeAsked()
})
afterEach(() => service.close())

const post = async (payload: object, headers: Record<string, string> = service.as('ana')) =>
  service.app.inject({ method: 'POST', url: '/deletions', headers, payload })
const invent = (count: number) => Array.from({ length: count }, (_, n) => `invented${n}`)
const childrenOf = async (id: number) => {
  const answer = await service.app.inject({ url: `/deletions?parent=${id}&limit=200`, headers: withKey })
  return answer.json().items as { username: string; state: string; code: string | null }[]
}

describe('names that are not the caller’s', () => {
  test('names of other users are refused at once, and many of them without a call to the panel', async () => {
    const answer = await post({ usernames: ['a1', 'b1', ...invent(9_000)] })
    expect(answer.statusCode).toBe(202)
    expect(answer.json()).toMatchObject({ state: 'requested', total: 9_002, done: 0, failed: 9_001 })
    expect(service.takeAsked()).toEqual([])
    const children = await childrenOf(answer.json().id)
    const refused = children.filter(({ username }) => username !== 'a1')
    expect(refused.length).toBeGreaterThan(100)
    expect(new Set(refused.map(({ code }) => code))).toEqual(new Set(['not_yours_or_unknown']))
    await service.carryOut(answer.json().id)
    expect(service.takeAsked().filter((call) => !call.includes('/a1'))).toEqual([])
    expect([...service.panel.state.users.keys()]).toEqual(['a2', 'a3', 'b1'])
  })

  test('a deletion of only such names ends at once and deletes nothing', async () => {
    const answer = await post({ usernames: ['b1', 'nobody'] })
    expect(answer.json()).toMatchObject({
      state: 'incomplete',
      code: 'users_left',
      finished_at: expect.any(String),
      total: 2,
      done: 0,
      failed: 2,
    })
    expect((await service.takeOutbox()).deletions).toEqual([])
  })

  test('a few unknown names are looked up in one call with the caller’s token, so a new user is found', async () => {
    service.panel.state.createUser('fresh', { admin: 'ana' })
    service.panel.state.createUser('theirs', { admin: 'bob' })
    const answer = await post({ usernames: ['a1', 'fresh', 'theirs'] })
    expect(service.takeAsked()).toEqual(['GET /api/users'])
    await service.carryOut(answer.json().id)
    expect(await childrenOf(answer.json().id)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ username: 'a1', state: 'deleted' }),
        expect.objectContaining({ username: 'fresh', state: 'deleted' }),
        expect.objectContaining({ username: 'theirs', state: 'failed', code: 'not_yours_or_unknown' }),
      ]),
    )
    expect(service.panel.state.users.has('theirs')).toBe(true)
  })

  test('the answer is 401 if the panel has forgotten the token since its last use', async () => {
    const headers = service.as('ana')
    service.panel.faults.add({
      kind: 'answer',
      status: 401,
      body: '{"detail": "Could not validate credentials"}',
      headers: { 'content-type': 'application/json' },
      path: '/api/users',
    })
    const answer = await post({ usernames: ['invented'] }, headers)
    expect(answer.statusCode).toBe(401)
    expect(answer.json()).toMatchObject({ code: 'unauthenticated' })
  })

  test('the receipts do not show the owner of a name', async () => {
    const children = await childrenOf((await post({ usernames: ['b1', 'nobody'] })).json().id)
    const [one, other] = children.map((child) => ({
      ...child,
      id: 0,
      username: '',
      requested_at: '',
      finished_at: '',
    }))
    expect(one).toEqual(other)
  })

  test('a caller can send ten thousand such names an hour', async () => {
    expect((await post({ usernames: invent(10_000) })).statusCode).toBe(202)
    const answer = await post({ usernames: invent(60) })
    expect(answer.statusCode).toBe(429)
    expect(answer.json()).toMatchObject({ code: 'rate_limited', detail: expect.stringContaining('10000') })
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
    expect((await post({ usernames: ['a1'] })).statusCode).toBe(202)
    expect((await post({ usernames: ['nobody'] }, service.as('bob'))).statusCode).toBe(202)
  })
})

describe('names that a sudo admin gives', () => {
  test('names of a sudo admin are looked up in lists, and fail if no user has them', async () => {
    service.panel.state.createUser('fresh', { admin: 'bob' })
    const answer = await post({ usernames: ['a1', 'fresh', ...invent(300)] }, withKey)
    expect(service.takeAsked()).toEqual([])
    await service.carryOut(answer.json().id)
    const asked = service.takeAsked()
    expect(asked.filter((call) => call.includes('invented'))).toEqual([])
    expect(asked.filter((call) => call === 'GET /api/users').length).toBeLessThan(10)
    const report = await service.app.inject({ url: `/deletions/${answer.json().id}`, headers: withKey })
    expect(report.json()).toMatchObject({ state: 'incomplete', total: 302, done: 2, failed: 300 })
    expect(report.json().failures[0]).toMatchObject({ state: 'failed', code: 'unknown_user' })
  })
})

describe('open deletions', () => {
  test('an admin can have ten open deletions, the refusal says so, and other callers can go on', async () => {
    for (let count = 0; count < 10; count += 1) {
      expect((await post({ usernames: ['a1'] })).statusCode).toBe(202)
    }
    const answer = await post({ usernames: ['a1'] })
    expect(answer.statusCode).toBe(429)
    expect(answer.json()).toMatchObject({ code: 'rate_limited', detail: expect.stringContaining('10') })
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
    expect((await post({ admin: 'me', status: 'all' })).statusCode).toBe(429)
    expect((await post({ usernames: ['b1'] }, service.as('bob'))).statusCode).toBe(202)
    for (const id of (await service.takeOutbox()).deletions) await service.carryOut(id)
    expect((await post({ usernames: ['a2'] })).statusCode).toBe(202)
  })

  test('requests sent at once do not exceed the limit of open deletions', async () => {
    const answers = await Promise.all(Array.from({ length: 14 }, () => post({ usernames: ['a1'] })))
    expect(answers.filter(({ statusCode }) => statusCode === 202)).toHaveLength(10)
    expect(answers.filter(({ statusCode }) => statusCode === 429)).toHaveLength(4)
  })

  test('open deletions hold a limited number of users, but a single one may hold any number', async () => {
    await service.db
      .updateTable('account_users')
      .set({ users: 30_000n })
      .where('status', '=', 'active')
      .where('admin_id', '=', BigInt(ana))
      .execute()
    expect((await post({ admin: 'me', status: 'all' })).statusCode).toBe(202)
    const answer = await post({ usernames: ['a1'] })
    expect(answer.statusCode).toBe(429)
    expect(answer.json().detail).toContain('30002')
  })
})

describe('a deletion of an admin’s users', () => {
  test('a deletion without a status is refused with the number of users it would delete', async () => {
    const answer = await post({ admin: ana }, withKey)
    expect(answer.statusCode).toBe(400)
    expect(answer.json()).toMatchObject({
      code: 'invalid_request',
      errors: [{ field: 'status', detail: expect.stringMatching(/"all".* 3 users .*ana/) }],
    })
    expect((await post({ admin: 'me' })).json().errors).toMatchObject([{ field: 'status' }])
    expect((await service.takeOutbox()).deletions).toEqual([])
  })

  test.each([
    ['a list of statuses', ['expired', 'limited'], ['a1', 'b1']],
    ['one status', 'expired', ['a1', 'a3', 'b1']],
    ['"all"', 'all', ['b1']],
  ])('a deletion takes %s', async (_, status, left) => {
    const answer = await post({ admin: ana, status }, withKey)
    expect(answer.statusCode).toBe(202)
    await service.carryOut(answer.json().id)
    expect([...service.panel.state.users.keys()].sort()).toEqual(left)
  })

  test('a deletion that finds no users ends as gone, not as deleted', async () => {
    const { id } = (await post({ admin: ana, status: ['on_hold'] }, withKey)).json()
    await service.carryOut(id)
    const report = await service.app.inject({ url: `/deletions/${id}`, headers: withKey })
    expect(report.json()).toMatchObject({ state: 'gone', total: 0, done: 0, failed: 0 })
  })

  test('users that vanish during a deletion count as done', async () => {
    const { id } = (await post({ usernames: ['a1'] })).json()
    service.panel.state.deleteUser('a1')
    await service.carryOut(id)
    const report = await service.app.inject({ url: `/deletions/${id}`, headers: withKey })
    expect(report.json()).toMatchObject({ state: 'gone', total: 1, done: 1, failed: 0 })
  })
})
