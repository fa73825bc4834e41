import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createKey } from '../../support/api-keys.ts'
import { keepSecret } from '../../support/leaks.ts'
import { startTestService, type TestService, withKey } from '../service.ts'

let service: TestService
let ana = 0

beforeAll(async () => {
  service = await startTestService({
    admins: [{ username: 'root', isSudo: true }, { username: 'ana' }, { username: 'gone' }],
  })
  await service.poll()
  service.panel.state.admins.delete('gone')
  await service.poll()
  ana = Number(await service.idOf('ana'))
})
afterAll(() => service.close())
beforeEach(() => sql`delete from api_keys`.execute(service.db))

const aKey = { name: 'bot', role: 'sudo', access: 'write' }

async function post(payload: object, headers: Record<string, string> = withKey) {
  const answer = await service.app.inject({ method: 'POST', url: '/api-keys', headers, payload })
  if (answer.statusCode === 201) keepSecret(answer.json().key)
  return answer
}
const list = async (query = '', headers: Record<string, string> = withKey) =>
  (await service.app.inject({ url: `/api-keys${query}`, headers })).json()
const revoke = (id: number) =>
  service.app.inject({ method: 'DELETE', url: `/api-keys/${id}`, headers: service.as('root') })

describe('a key', () => {
  test('is answered whole when it is made, listed without its secret, and revoked once', async () => {
    const expires_at = '2099-01-01T00:00:00.000Z'
    const made = await post({ name: 'Grafana 📈', role: 'admin', access: 'read', admin: ana, expires_at })
    expect([made.statusCode, made.headers['cache-control']]).toEqual([201, 'no-store'])
    const { key, ...body } = made.json()
    expect(key).toMatch(new RegExp(`^mzl_${body.id}_[\\w-]{43}$`))
    expect(body).toEqual({
      id: body.id,
      name: 'Grafana 📈',
      role: 'admin',
      access: 'read',
      admin: { id: ana, username: 'ana' },
      created_at: expect.any(String),
      created_by: 'api_key',
      expires_at,
      last_used_at: null,
      revoked_at: null,
      revoked_by: null,
    })
    expect(await list()).toEqual({ items: [body], next_cursor: null })
    const revoked = (await revoke(body.id)).json()
    expect(revoked).toEqual({ ...body, revoked_at: expect.any(String), revoked_by: 'admin:root' })
    expect(
      (await service.app.inject({ method: 'DELETE', url: `/api-keys/${body.id}`, headers: withKey })).json(),
    ).toEqual(revoked)
    expect((await list()).items).toEqual([revoked])
  })

  test('is another one each time', async () => {
    const texts = await Promise.all(Array.from({ length: 20 }, async () => (await post(aKey)).json().key))
    expect(new Set(texts.map((text) => text.slice(-43))).size).toBe(20)
  })

  test('of an admin is its own if it names nobody', async () => {
    const made = await post({ name: 'mine', role: 'admin', access: 'write' }, service.as('ana'))
    expect(made.json()).toMatchObject({ admin: { username: 'ana' }, created_by: 'admin:ana' })
  })

  test('leaves its row in the audit trail, made and revoked', async () => {
    const { id } = (await post({ ...aKey, role: 'admin', admin: ana })).json()
    await revoke(id)
    await revoke(id)
    const url = `/audit?admin=${ana}&action=key.created,key.revoked&limit=2`
    const { items } = (await service.app.inject({ url, headers: withKey })).json()
    const state = { id, name: 'bot', role: 'admin', access: 'write', admin: ana, expires_at: null }
    expect(items).toMatchObject([
      { caller: 'admin:root', action: 'key.revoked', admin_id: ana, before: state, after: null },
      { caller: 'api_key', action: 'key.created', admin_id: ana, before: null, after: state },
    ])
  })
})

test('keys are listed page by page, the latest first', async () => {
  const ids: bigint[] = []
  for (const _ of [1, 2, 3]) ids.push((await createKey(service.db)).id)
  const first = await list('?limit=2')
  const second = await list(`?limit=2&cursor=${first.next_cursor}`)
  const found = [...first.items, ...second.items].map(({ id }: { id: number }) => BigInt(id))
  expect(found).toEqual(ids.toReversed())
  expect([first.items.length, second.next_cursor]).toEqual([2, null])
})

describe('what is wrong with a key', () => {
  const past = '2020-01-01T00:00:00Z'
  test.each([
    ['no name', { ...aKey, name: undefined }, ['name'], 'is missing'],
    ['an empty name', { ...aKey, name: '' }, ['name'], '1 to 100 characters'],
    ['a name of 101 characters', { ...aKey, name: 'x'.repeat(101) }, ['name'], '1 to 100 characters'],
    ['a name of two lines', { ...aKey, name: 'a\nb' }, ['name'], 'control characters'],
    ['a name of half a character', { ...aKey, name: 'a\ud800' }, ['name'], '1 to 100 characters'],
    ['a name that is a number', { ...aKey, name: 7 }, ['name'], 'a text'],
    ['no role', { ...aKey, role: undefined }, ['role'], 'sudo, admin, metrics'],
    ['an unknown role', { ...aKey, role: 'root' }, ['role'], 'sudo, admin, metrics'],
    ['no access', { ...aKey, access: undefined }, ['access'], 'read, write'],
    ['an unknown access', { ...aKey, access: 'all' }, ['access'], 'read, write'],
    ['metrics that may write', { ...aKey, role: 'metrics' }, ['access'], 'must be read'],
    ['an admin key of nobody', { ...aKey, role: 'admin' }, ['admin'], 'id of the account'],
    ['a sudo key of somebody', { ...aKey, admin: 1 }, ['admin'], 'left out'],
    [
      'both of these',
      { name: 'x', role: 'metrics', access: 'write', admin: 1 },
      ['admin', 'access'],
      'must be read',
    ],
    ['an account without an id', { ...aKey, role: 'admin', admin: 0 }, ['admin'], 'from 1'],
    ['an expiry in the past', { ...aKey, expires_at: past }, ['expires_at'], 'in the future'],
    ['an expiry without a zone', { ...aKey, expires_at: '2099-01-01T00:00:00' }, ['expires_at'], 'zone'],
    ['an expiry on no day', { ...aKey, expires_at: '2099-02-30T00:00:00Z' }, ['expires_at'], 'zone'],
    [
      'an expiry that is in the year 10000 of UTC',
      { ...aKey, expires_at: '9999-12-31T23:59:59-00:01' },
      ['expires_at'],
      'year 9999',
    ],
    ['an unknown field', { ...aKey, scope: 'all' }, ['scope'], 'does not belong'],
  ])('%s gets 400 with the field and what is right', async (_what, payload, fields, right) => {
    const answer = await post(payload)
    const { errors = [], detail } = answer.json()
    expect([answer.statusCode, errors.map(({ field }: { field: string }) => field)]).toEqual([400, fields])
    expect(detail).toContain(right)
    expect((await list()).items).toEqual([])
  })

  test('an account that does not exist gets 404, one whose admin is gone 409', async () => {
    const of = async (admin: number) => (await post({ ...aKey, role: 'admin', admin })).statusCode
    expect(await of(999_999)).toBe(404)
    expect(await of(Number(await service.idOf('gone')))).toBe(409)
  })

  test('an id that no key has gets 404, one that is none 400', async () => {
    expect((await revoke(999_999)).statusCode).toBe(404)
    expect((await revoke(0)).statusCode).toBe(400)
  })
})

test('an account has at most 1000 keys that are not revoked, also when many are made at once', async () => {
  await sql`
    insert into api_keys (name, role, access, admin_id, secret_hash, created_by)
    select 'old', 'admin', 'read', ${ana}, decode(repeat('00', 32), 'hex'), 'api_key'
    from generate_series(1, 995)`.execute(service.db)
  const admin = { ...aKey, role: 'admin', admin: ana }
  const statuses = await Promise.all(Array.from({ length: 10 }, async () => (await post(admin)).statusCode))
  expect(statuses.sort()).toEqual([...Array(5).fill(201), ...Array(5).fill(409)])
  // Others have their own.
  expect((await post(aKey)).statusCode).toBe(201)
  const [{ id }] = (await list('?limit=1', service.as('ana'))).items
  await revoke(id)
  expect((await post(admin)).statusCode).toBe(201)
})
