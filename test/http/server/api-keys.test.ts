import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createCallers } from '../../../src/work/callers/callers.ts'
import { createKey, expire, revoke, wrongKeys } from '../../support/api-keys.ts'
import { apiKey, startTestService, type TestService, withKey } from '../service.ts'

let service: TestService
beforeEach(async () => {
  service = await startTestService({
    admins: [{ username: 'root', isSudo: true }, { username: 'ana' }, { username: 'bob' }],
    failedAuthentication: { max: 3, windowMs: 60_000 },
  })
  await service.poll()
  await service.scan()
  service.takeAsked()
})
afterEach(() => service.close())

const get = (url: string, headers: Record<string, string>) => service.app.inject({ url, headers })
const withText = (text: string) => ({ 'x-api-key': text })
const keyOf = async (admin: 'ana' | 'bob', over: Parameters<typeof createKey>[1] = {}) =>
  createKey(service.db, { role: 'admin', adminId: await service.idOf(admin), ...over })

const places: [how: string, headersOf: (text: string) => Record<string, string>][] = [
  ['as X-API-Key', (text: string) => withText(text)],
  ['after Bearer', (text: string) => ({ authorization: `Bearer ${text}` })],
  [
    'as the password of Basic',
    (text: string) => ({ authorization: `Basic ${btoa(`prom:etheus:${text}`.replace('m:', 'm'))}` }),
  ],
  [
    'as the password of Basic without a name',
    (text: string) => ({ authorization: `basic ${btoa(`:${text}`)}` }),
  ],
]

describe('a key', () => {
  test.each(places)('is taken %s, and the panel is not asked', async (_how, headersOf) => {
    const { text } = await keyOf('ana')
    expect((await get('/admins/me', headersOf(text))).json()).toMatchObject({ username: 'ana' })
    expect(service.takeAsked()).toEqual([])
  })

  test.each(places)(
    'of the operator is taken %s, and neither it nor a wrong one is shown to the panel',
    async (how, headersOf) => {
      expect((await get('/admins', headersOf(apiKey))).statusCode).toBe(200)
      expect(service.takeAsked()).toEqual([])
      expect((await get('/admins', headersOf(`${apiKey}x`))).statusCode).toBe(401)
      // Nobody can know that it is a wrong key: it can be a token.
      if (!how.includes('Bearer')) expect(service.takeAsked()).toEqual([])
    },
  )

  test('is refused from the moment that it is revoked, also by another replica that has just taken it', async () => {
    const { id, text } = await createKey(service.db)
    const panel = { whoami: () => Promise.reject(new Error('the panel must not be asked')) }
    const other = createCallers({ db: service.db, panel: panel as never, apiKey: null, now: () => 0 })
    expect((await get('/admins', withText(text))).statusCode).toBe(200)
    expect(await other.identify({ bearer: text })).toMatchObject({ kind: 'key', role: 'sudo' })
    const url = `/api-keys/${id}`
    expect((await service.app.inject({ method: 'DELETE', url, headers: withKey })).statusCode).toBe(200)
    expect((await get('/admins', withText(text))).statusCode).toBe(401)
    await expect(other.identify({ bearer: text })).rejects.toMatchObject({ code: 'unauthenticated' })
  })

  test('is refused from the moment that it expires', async () => {
    const { id, text } = await createKey(service.db, { expiresAt: new Date(Date.now() + 3_600_000) })
    expect((await get('/admins', withText(text))).statusCode).toBe(200)
    await expire(service.db, id)
    expect((await get('/admins', withText(text))).statusCode).toBe(401)
  })

  test('is read by one statement a request, and requests at the same moment share it', async () => {
    const texts = [(await createKey(service.db)).text, (await keyOf('ana')).text]
    for (const text of texts) await get('/sync', withText(text))
    const usesOf = async (headers: Record<string, string>[]) => {
      const before = service.databaseUses()
      await Promise.all(headers.map((each) => get('/admins/1', each)))
      return service.databaseUses() - before
    }
    const asOperator = await usesOf([withKey])
    expect(await usesOf([withText(texts[0] ?? '')])).toBe(asOperator + 1)
    const many = Array.from({ length: 30 }, (_, n) => withText(texts[n % 2] ?? ''))
    expect(await usesOf(many)).toBeLessThan(30 * asOperator + 10)
  })

  test('has its last use noted, at most once a minute', async () => {
    const { id, text } = await createKey(service.db)
    const lastUse = async () => (await get('/api-keys', withKey)).json().items[0].last_used_at
    expect(await lastUse()).toBeNull()
    await Promise.all([1, 2, 3].map(() => get('/admins', withText(text))))
    const first = await lastUse()
    expect(Math.abs(Date.parse(first) - Date.now())).toBeLessThan(60_000)
    await get('/admins', withText(text))
    expect(await lastUse()).toBe(first)
    for (const ago of ['61 seconds', '-1 hour']) {
      await sql`update api_keys set last_used_at = clock_timestamp() - ${ago}::interval`.execute(service.db)
      await get('/admins', withText(text))
      expect(Math.abs(Date.parse(await lastUse()) - Date.now()), ago).toBeLessThan(30_000)
    }
    await revoke(service.db, id)
    const last = await lastUse()
    await get('/admins', withText(text))
    expect(await lastUse()).toBe(last)
  })
})

test('a key is good although its use cannot be noted: the database takes no writes', async () => {
  const { id, text } = await createKey(service.db)
  await sql`
    create function refuse_writes() returns trigger language plpgsql as
      $$ begin raise exception 'could not extend file: No space left on device' using errcode = '53100'; end $$`.execute(
    service.db,
  )
  await sql`create trigger full_disk before update on api_keys execute function refuse_writes()`.execute(
    service.db,
  )
  expect((await get('/admins', withText(text))).statusCode).toBe(200)
  await sql`drop trigger full_disk on api_keys`.execute(service.db)
  expect((await get('/admins', withText(text))).statusCode).toBe(200)
  const { items } = (await get('/api-keys', withKey)).json()
  expect(items).toMatchObject([{ id: Number(id), last_used_at: expect.any(String) }])
})

describe('wrong keys', () => {
  test('are throttled like other failed logins, with a right one from the same address passing', async () => {
    const { text } = await createKey(service.db)
    expect((await get('/admins', withText(text))).statusCode).toBe(200)
    const statuses: number[] = []
    for (const wrong of Object.values(await wrongKeys(service.db))) {
      statuses.push((await get('/admins', withText(wrong))).statusCode)
    }
    expect(statuses).toEqual([401, 401, 401, ...Array(statuses.length - 3).fill(429)])
    expect((await get('/admins', withText(text))).statusCode).toBe(200)
  })

  test('that were right before are throttled too', async () => {
    const { id, text } = await createKey(service.db)
    expect((await get('/admins', withText(text))).statusCode).toBe(200)
    await revoke(service.db, id)
    const statuses: number[] = []
    for (const _ of Array(6)) statuses.push((await get('/admins', withText(text))).statusCode)
    expect(statuses.slice(0, 3)).toEqual([401, 401, 401])
    expect(statuses.at(-1)).toBe(429)
  })

  test('never reach the panel', async () => {
    for (const wrong of ['mzl_', 'mzl_garbage', ...Object.values(await wrongKeys(service.db))]) {
      await service.app.inject({ url: '/admins', headers: { authorization: `Bearer ${wrong}` } })
    }
    expect(service.takeAsked()).toEqual([])
  })
})

describe('the key of an admin', () => {
  test('deletes users of its own with the account of the service, and leaves those of others', async () => {
    const headers = withText((await keyOf('ana')).text)
    for (const username of ['hers', 'moved', 'his']) {
      service.panel.state.createUser(username, { admin: username === 'his' ? 'bob' : 'ana', lifetime: 9n })
    }
    await service.scan()
    // The ledger still takes this one for hers.
    service.panel.state.createUser('moved', { admin: 'bob', lifetime: 9n })
    const remove = (username: string) =>
      service.app.inject({ method: 'DELETE', url: `/users/${username}`, headers })
    expect((await remove('hers')).json()).toMatchObject({ state: 'deleted', requested_by: 'admin:ana' })
    for (const username of ['moved', 'his']) {
      expect((await remove(username)).statusCode).toBe(403)
      expect(service.panel.state.users.has(username)).toBe(true)
    }
    const named = { usernames: ['moved', 'his'] }
    const bulk = await service.app.inject({ method: 'POST', url: '/deletions', headers, payload: named })
    for (const id of (await service.takeOutbox()).deletions) await service.carryOut(id)
    expect(bulk.statusCode).toBe(202)
    expect([...service.panel.state.users.keys()]).toEqual(expect.arrayContaining(named.usernames))
  })

  test('that may only read deletes nothing, and the panel is not even asked', async () => {
    const headers = withText((await keyOf('ana', { access: 'read' })).text)
    service.panel.state.createUser('hers', { admin: 'ana', lifetime: 9n })
    await service.scan()
    service.takeAsked()
    const calls = [
      { method: 'DELETE', url: '/users/hers' },
      { method: 'POST', url: '/deletions', payload: { usernames: ['hers'] } },
      { method: 'POST', url: '/deletions', payload: { admin: 'me', status: 'all' } },
    ] as const
    for (const call of calls) {
      const answer = await service.app.inject({ ...call, headers })
      expect([answer.statusCode, answer.json().detail]).toEqual([
        403,
        expect.stringContaining('access write'),
      ])
    }
    expect(service.takeAsked()).toEqual([])
    expect(service.panel.state.users.has('hers')).toBe(true)
  })

  test('is refused while the panel has no such admin, with the reason, and works again when it is back', async () => {
    const headers = withText((await keyOf('ana')).text)
    expect((await get('/admins/me', headers)).statusCode).toBe(200)
    service.panel.state.admins.delete('ana')
    await service.poll()
    for (const url of ['/admins/me', '/deletions']) {
      const refused = await get(url, headers)
      expect(refused.statusCode).toBe(403)
      expect(refused.json().detail).toContain('the panel has no such admin')
    }
    service.panel.state.createAdmin('ana')
    await service.poll()
    expect((await get('/admins/me', headers)).statusCode).toBe(200)
  })

  test('is refused once the account is closed, also when an admin of that name comes again', async () => {
    const headers = withText((await keyOf('ana')).text)
    const url = `/admins/${await service.idOf('ana')}`
    const { id } = (await service.app.inject({ method: 'DELETE', url, headers: withKey })).json()
    for (const _ of [1, 2]) await service.carryOut(id)
    service.panel.state.createAdmin('ana')
    await service.poll()
    const refused = await get('/admins/me', headers)
    expect([refused.statusCode, refused.json().detail]).toEqual([403, expect.stringContaining('closed')])
    expect(service.takeAsked().length).toBeGreaterThan(0)
  })
})

test('a key that is made through the API is stored only as its SHA-256, and shown once', async () => {
  const payload = { name: 'bot', role: 'sudo', access: 'write' }
  const made = await service.app.inject({ method: 'POST', url: '/api-keys', headers: withKey, payload })
  const secret = made.json().key.split('_').slice(2).join('_')
  const { rows } = await sql<{ row: string }>`
    select api_keys::text as row from api_keys union all select audit::text from audit`.execute(service.db)
  expect(rows.length).toBeGreaterThan(1)
  const seen = JSON.stringify([
    rows,
    (await get('/api-keys', withKey)).json(),
    (await get('/audit', withKey)).json(),
    service.logged,
  ])
  expect(seen).not.toContain(secret)
  expect(seen).not.toContain(Buffer.from(secret).toString('hex'))
})
