import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startTestService, type TestService, withKey } from '../service.ts'

let service: TestService
let ana: number
beforeEach(async () => {
  service = await startTestService({
    admins: [{ username: 'root', isSudo: true }, { username: 'ana' }, { username: 'bob' }],
  })
  await service.poll()
  ana = Number(await service.idOf('ana'))
  for (const [username, admin, status] of [
    ['a1', 'ana', 'active'],
    ['a2', 'ana', 'expired'],
    ['a3', 'ana', 'expired'],
    ['b1', 'bob', 'active'],
  ] as const) {
    service.panel.state.createUser(username, { admin, status })
    service.panel.state.accrue(username, 10)
  }
})
afterEach(() => service.close())

type Headers = Record<string, string>
const post = (payload: object | string, headers: Headers = withKey) =>
  service.app.inject({
    method: 'POST',
    url: '/deletions',
    headers: { 'content-type': 'application/json', ...headers },
    payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
  })
const get = (url: string, headers: Headers = withKey) => service.app.inject({ url, headers })
const remove = (url: string, headers: Headers = withKey) =>
  service.app.inject({ method: 'DELETE', url, headers })
const users = () => [...service.panel.state.users.keys()]
const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)

const requested = {
  id: expect.any(Number),
  kind: 'users',
  state: 'requested',
  username: null,
  admin_id: null,
  requested_by: 'api_key',
  preserve_traffic: true,
  final_reading: null,
  preserved_bytes: null,
  total_traffic: null,
  code: null,
  detail: null,
  requested_at: time,
  preserved_at: null,
  finished_at: null,
  parent_id: null,
  total: 0,
  done: 0,
  failed: 0,
  rate: null,
  seconds_left: null,
  failures: [],
}

describe('POST /deletions', () => {
  test('a bulk deletion deletes users by name, and shows its progress and the users that were not deleted', async () => {
    const answer = await post({ usernames: ['a1', 'b1', 'nobody', 'no/body'] })
    expect(answer.statusCode).toBe(202)
    const { id } = answer.json()
    expect(answer.headers.location).toBe(`/deletions/${id}`)
    expect(answer.json()).toEqual({ ...requested, total: 4 })
    expect((await service.takeOutbox()).deletions).toEqual([BigInt(id)])

    await service.carryOut(id)
    expect(users()).toEqual(['a2', 'a3'])
    const report = (await get(`/deletions/${id}`)).json()
    expect(report).toEqual({
      ...requested,
      id,
      state: 'incomplete',
      code: 'users_left',
      detail: expect.stringMatching(/^2 users? could not be deleted/),
      preserved_bytes: expect.any(Number),
      finished_at: time,
      total: 4,
      done: 2,
      failed: 2,
      rate: expect.any(Number),
      seconds_left: 0,
      failures: ['no/body', 'nobody'].map((username) =>
        expect.objectContaining({ username, state: 'failed', code: 'unknown_user', parent_id: id }),
      ),
    })
    const children = (await get(`/deletions?parent=${id}`)).json().items
    expect(children.map(({ username, state }: Record<string, unknown>) => [username, state])).toEqual([
      ['no/body', 'failed'],
      ['nobody', 'failed'],
      ['b1', 'deleted'],
      ['a1', 'deleted'],
    ])
  })

  test('a bulk deletion deletes the users of an admin, or only those with a status', async () => {
    const answer = await post({ admin: ana, status: 'expired' })
    expect(answer.json()).toEqual({ ...requested, admin_id: ana })
    const { id } = answer.json()
    await service.carryOut(id)
    expect(users()).toEqual(['a1', 'b1'])
    expect((await get(`/deletions/${id}`)).json()).toMatchObject({
      state: 'deleted',
      total: 2,
      done: 2,
      failed: 0,
      total_traffic: 30,
    })
    await service.carryOut((await post({ admin: ana, status: 'all' })).json().id)
    expect(users()).toEqual(['b1'])
    expect((await get(`/admins/${ana}/stats`)).json()).toMatchObject({
      total_traffic: 30,
      preserved_traffic: 30,
    })
  })

  test('an admin can delete only its own users', async () => {
    for (const body of [{ admin: ana }, { admin: ana, status: 'all' }]) {
      expect((await post(body, service.as('bob'))).statusCode).toBe(403)
    }
    const own = await post({ admin: 'me', status: 'active' }, service.as('ana'))
    expect(own.json()).toMatchObject({ admin_id: ana, requested_by: 'admin:ana' })
    await service.carryOut(own.json().id)
    expect(users()).toEqual(['a2', 'a3', 'b1'])

    const named = await post({ usernames: ['a2', 'b1'] }, service.as('ana'))
    await service.carryOut(named.json().id)
    expect(users()).toEqual(['a3', 'b1'])
    expect((await get(`/deletions/${named.json().id}`, service.as('ana'))).json()).toMatchObject({
      done: 1,
      failed: 1,
      failures: [{ username: 'b1', code: 'not_yours_or_unknown' }],
    })
  })

  test.each([
    ['an account that does not exist', { admin: 999_999, status: 'all' }, 404],
    ['`me` without an own account', { admin: 'me', status: 'all' }, 404],
  ])('a bulk deletion refuses %s', async (_what, body, status) => {
    expect((await post(body)).statusCode).toBe(status)
    expect((await service.takeOutbox()).deletions).toEqual([])
  })

  const names = 'usernames must be a list of 1 to 10000, none twice, each a text of 1 to 8192 characters'
  test.each([
    ['[]', 'body', 'The body must be a JSON object with usernames, or with admin and status.'],
    ['{}', 'body', 'The body must be a JSON object with usernames, or with admin and status.'],
    ['null', 'body', 'The body must be a JSON object with usernames, or with admin and status.'],
    ['{"constructor":1}', 'body', 'The body must be a JSON object with usernames'],
    ['{"usernames":[]}', 'usernames', names],
    ['{"usernames":"a1"}', 'usernames', names],
    ['{"usernames":[""]}', 'usernames', names],
    ['{"usernames":["a1","a1"]}', 'usernames', names],
    ['{"usernames":["a\\u0000b"]}', 'usernames', names],
    ['{"usernames":["a1"],"admin":3}', 'admin', 'admin does not belong in a body with usernames.'],
    ['{"usernames":["a1"],"status":"expired"}', 'status', 'status does not belong in a body with usernames.'],
    ['{"status":"expired"}', 'admin', 'admin is missing; it must be an integer from 1 to'],
    ['{"admin":"3","status":"all"}', 'admin', 'admin must be an integer from 1 to 9007199254740991 or "me".'],
    ['{"admin":"ana","status":"all"}', 'admin', 'Find the id with GET /admins?username=ana.'],
    ['{"admin":0,"status":"all"}', 'admin', 'admin must be an integer'],
    [
      '{"admin":1,"status":"gone"}',
      'status',
      'status must be a list of 1 to 5, none twice, each one of active, disabled, limited, expired, on_hold or one of ' +
        'active, disabled, limited, expired, on_hold or "all".',
    ],
    ['{"admin":1,"status":[]}', 'status', 'status must be a list of 1 to 5'],
    ['{"admin":1,"status":["expired","expired"]}', 'status', 'status must be a list of 1 to 5'],
    ['{"admin":1,"status":["all"]}', 'status', 'status must be a list of 1 to 5'],
    ['{"admin":1,"status":null}', 'status', 'status must be a list of 1 to 5'],
    [
      '{"admin":1,"status":"all","force":true}',
      'force',
      'force does not belong in a body with admin and status.',
    ],
  ])('a bulk deletion refuses the body %s', async (body, field, detail) => {
    const answer = await post(body)
    expect(answer.statusCode).toBe(400)
    const problem = answer.json()
    expect(problem).toMatchObject({ code: 'invalid_request', errors: [{ field }] })
    expect(problem.detail).toContain(detail)
  })

  test('a bulk deletion takes 10,000 names and not one more', async () => {
    const many = Array.from({ length: 10_001 }, (_, n) => `user_with_a_name_of_thirty_${n}`)
    expect((await post({ usernames: many })).statusCode).toBe(400)
    const answer = await post({ usernames: many.slice(1) })
    expect(answer.json()).toMatchObject({ total: 10_000, done: 0 })
  })
})

describe('Idempotency-Key', () => {
  const keyed = (payload: object, headers: Headers = withKey, key = 'my key') =>
    post(payload, { ...headers, 'idempotency-key': key })

  test('a repeated request with the same key gets the first deletion', async () => {
    const answers = await Promise.all([1, 2, 3].map(() => keyed({ usernames: ['a1'] })))
    const ids = answers.map((answer) => answer.json().id)
    expect(answers.map((answer) => answer.statusCode)).toEqual([202, 202, 202])
    expect(new Set(ids).size).toBe(1)
    expect((await service.takeOutbox()).deletions).toEqual([BigInt(ids[0])])
    await service.carryOut(ids[0])
    const again = await keyed({ usernames: ['a1'] })
    expect(again.headers.location).toBe(`/deletions/${ids[0]}`)
    expect(again.json()).toMatchObject({ id: ids[0], state: 'deleted', done: 1 })
  })

  test('a key cannot be used for another request', async () => {
    await keyed({ usernames: ['a1'] })
    for (const other of [{ usernames: ['a2'] }, { admin: ana, status: 'all' }]) {
      const answer = await keyed(other)
      expect(answer.statusCode).toBe(409)
      expect(answer.json()).toMatchObject({
        code: 'conflict',
        detail: expect.stringContaining('Idempotency-Key'),
      })
    }
  })

  test('two callers can use the same key', async () => {
    const one = (await keyed({ usernames: ['a1'] })).json().id
    const other = (await keyed({ usernames: ['a1'] }, service.as('ana'))).json().id
    expect(other).not.toBe(one)
  })

  test.each(['', 'x'.repeat(256)])('a key has 1 to 255 characters', async (key) => {
    const answer = await keyed({ usernames: ['a1'] }, withKey, key)
    expect(answer.statusCode).toBe(400)
    expect(answer.json().errors).toMatchObject([{ field: 'idempotency-key' }])
  })
})

describe('DELETE /admins/{id}', () => {
  test('deleting an admin deletes all its users and keeps its account', async () => {
    const answer = await remove(`/admins/${ana}`, service.as('root'))
    expect(answer.statusCode).toBe(202)
    const { id } = answer.json()
    expect(answer.headers.location).toBe(`/deletions/${id}`)
    expect(answer.json()).toEqual({ ...requested, kind: 'admin', admin_id: ana, requested_by: 'admin:root' })
    await service.carryOut(id)
    expect((await get(`/deletions/${id}`)).json()).toMatchObject({
      state: 'deleted',
      total: 3,
      done: 3,
      total_traffic: 30,
    })
    expect(service.panel.state.admins.has('ana')).toBe(false)
    expect((await get(`/admins/${ana}`)).json()).toMatchObject({ state: 'closed', total_traffic: 30 })
    expect((await remove(`/admins/${ana}`)).statusCode).toBe(409)
  })

  test('only sudo admins can delete an admin, and no sudo admin can be deleted', async () => {
    expect((await remove(`/admins/${ana}`, service.as('ana'))).statusCode).toBe(403)
    const root = await remove(`/admins/${await service.idOf('root')}`)
    expect(root.statusCode).toBe(409)
    expect(root.json().detail).toContain('root is a sudo admin')
    expect((await remove('/admins/999999')).statusCode).toBe(404)
    expect((await remove('/admins/ana')).statusCode).toBe(400)
    expect((await service.takeOutbox()).deletions).toEqual([])
  })
})

describe('DELETE /deletions/{id}', () => {
  test('a cancelled deletion deletes no more users', async () => {
    const { id } = (await post({ admin: 'me', status: 'all' }, service.as('ana'))).json()
    const answer = await remove(`/deletions/${id}`, service.as('ana'))
    expect(answer.statusCode).toBe(202)
    expect(answer.json()).toMatchObject({ id, state: 'requested' })
    await service.carryOut(id)
    expect((await get(`/deletions/${id}`)).json()).toMatchObject({
      state: 'cancelled',
      done: 0,
      finished_at: time,
    })
    expect(users()).toHaveLength(4)
    expect((await remove(`/deletions/${id}`)).json()).toMatchObject({ state: 'cancelled' })
  })

  test('only the caller that requested a deletion and sudo admins can cancel it', async () => {
    const { id } = (await remove(`/admins/${ana}`)).json()
    const own = await remove(`/deletions/${id}`, service.as('ana'))
    expect(own.statusCode).toBe(403)
    expect(own.json()).toMatchObject({ code: 'forbidden' })
    expect((await remove(`/deletions/${id}`, service.as('bob'))).statusCode).toBe(404)
    expect((await remove(`/deletions/${id}`, service.as('root'))).statusCode).toBe(202)
  })

  test('the deletion of a single user cannot be cancelled', async () => {
    const { id } = (await remove('/users/a1')).json()
    const answer = await remove(`/deletions/${id}`)
    expect(answer.statusCode).toBe(409)
    expect(answer.json()).toMatchObject({ code: 'conflict' })
  })
})
