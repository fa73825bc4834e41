import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { captivePortal } from '../../stand-in/faults.ts'
import { send } from '../front/raw.ts'
import { apiKey, startTestService, type TestService, withKey } from '../service.ts'

const admins = [
  { username: 'root', isSudo: true, usage: 10n },
  { username: 'ana', usage: 20n },
  { username: 'bob', usage: 30n },
]

let now = 0
let service: TestService
beforeEach(async () => {
  now = Date.now()
  service = await startTestService({
    admins,
    failedAuthentication: { max: 3, windowMs: 60_000 },
    now: () => now,
  })
  await service.poll()
  service.takeAsked()
})
afterEach(() => service.close())

const whoami = 'GET /api/admin'
const as = (username: string) => service.as(username)
const get = (url: string, headers: Record<string, string> = {}) => service.app.inject({ url, headers })

describe('who is calling', () => {
  test.each([
    ['nothing', {}],
    ['a token the panel does not know', { authorization: 'Bearer stranger' }],
    ['a key that is not the operator’s', { 'x-api-key': `${apiKey}x` }],
    ['an empty key', { 'x-api-key': '' }],
    ['another scheme', { authorization: 'Basic cm9vdDpyb290' }],
    ['a scheme without a token', { authorization: 'Bearer' }],
  ])('refuses %s', async (_what, headers) => {
    const answer = await get('/admins', headers)
    expect(answer.statusCode).toBe(401)
    expect(answer.headers['www-authenticate']).toMatch(/^Bearer/)
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/)
    expect(answer.json()).toMatchObject({ status: 401, title: 'Unauthorized', code: 'unauthenticated' })
  })

  test('says that the header of the key was sent twice, also with the right key', async () => {
    const base = await service.app.listen({ host: '127.0.0.1', port: 0 })
    const { status, body } = await send(base, 'GET', '/admins', {
      headers: { 'X-API-Key': [apiKey, apiKey] },
    })
    expect([status, JSON.parse(body).detail]).toEqual([
      401,
      'The header X-API-Key was sent twice: send one key, once.',
    ])
  })

  test('knows the operator by the key, without asking the panel', async () => {
    expect((await get('/admins', withKey)).json().items).toHaveLength(3)
    expect(service.takeAsked()).toEqual([])
  })

  test.each(['Bearer', 'bearer', 'BEARER'])('knows an admin by its token after "%s"', async (scheme) => {
    const { authorization } = service.as('ana')
    const answer = await get('/admins/me', { authorization: authorization.replace('Bearer', `${scheme} `) })
    expect(answer.json()).toMatchObject({ username: 'ana', is_sudo: false })
  })

  test('asks the panel about a token once in a while only', async () => {
    for (const _ of [1, 2, 3]) await get('/admins/me', as('ana'))
    expect(service.takeAsked()).toEqual([whoami])
    now += 60_000
    await get('/admins/me', as('ana'))
    expect(service.takeAsked()).toEqual([whoami])
  })

  test.each([
    [502, 'panel_unreachable', { kind: 'cut' }],
    [502, 'panel_bad_answer', captivePortal],
    [502, 'panel_failed', { kind: 'answer', status: 500 }],
    [504, 'panel_timeout', { kind: 'hang' }],
  ] as const)('says %i when the panel cannot tell: %s', async (status, code, fault) => {
    service.panel.faults.add({ ...fault, path: '/api/admin' })
    const answer = await get('/admins/me', as('ana'))
    expect(answer.statusCode).toBe(status)
    expect(answer.json()).toMatchObject({ status, code, detail: expect.stringMatching(/[.?]$/) })
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
  })
})

describe('what a caller may see', () => {
  test.each(['', '/stats', '/users'])('keeps /admins/{id}%s to its owner and to sudo', async (tail) => {
    const url = `/admins/${await service.idOf('ana')}${tail}`
    expect((await get(url, as('ana'))).statusCode).toBe(200)
    expect((await get(url, as('root'))).statusCode).toBe(200)
    expect((await get(url, withKey)).statusCode).toBe(200)
    const refused = await get(url, as('bob'))
    expect(refused.statusCode).toBe(403)
    expect(refused.json()).toMatchObject({ status: 403, code: 'forbidden', title: 'Forbidden' })
  })

  test('does not tell an admin which other ids exist', async () => {
    expect((await get('/admins/999999', as('bob'))).statusCode).toBe(403)
  })

  test.each(['GET', 'POST'] as const)('keeps %s /sync to sudo', async (method) => {
    const call = async (headers: Record<string, string>) =>
      (await service.app.inject({ method, url: '/sync', headers })).statusCode
    expect(await call(as('ana'))).toBe(403)
    expect(await call({})).toBe(401)
    const ok = method === 'GET' ? 200 : 202
    expect([await call(as('root')), await call(withKey)]).toEqual([ok, ok])
    expect(service.syncs()).toBe(method === 'GET' ? 0 : 2)
  })
})

describe('failed authentications', () => {
  const wrong = (n: number) => get('/admins', { authorization: `Bearer wrong-${n}` })

  test('are refused before the panel is asked once there were too many from an address', async () => {
    for (const n of [1, 2, 3]) expect((await wrong(n)).statusCode).toBe(401)
    service.takeAsked()
    const refused = await wrong(4)
    expect(refused.statusCode).toBe(429)
    expect(refused.json()).toMatchObject({ status: 429, code: 'rate_limited', title: 'Too Many Requests' })
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
    expect((await get('/admins', { 'x-api-key': 'guess' })).statusCode).toBe(429)
    expect(service.takeAsked()).toEqual([])
  })

  test('are refused also when they come all at once', async () => {
    const answers = await Promise.all(Array.from({ length: 30 }, (_, n) => wrong(n)))
    const statuses = answers.map((answer) => answer.statusCode).sort()
    expect(statuses).toEqual([...Array(3).fill(401), ...Array(27).fill(429)])
    expect(service.takeAsked()).toEqual([whoami, whoami, whoami])
  })

  test('never hold back a caller that is known', async () => {
    await get('/admins/me', as('ana'))
    for (const n of [1, 2, 3, 4]) await wrong(n)
    // What the panel said of the token is forgotten by now: it is asked again.
    now += 60_000
    expect((await get('/admins/me', as('ana'))).statusCode).toBe(200)
    expect((await get('/admins', withKey)).statusCode).toBe(200)
  })

  test('are counted per address', async () => {
    for (const n of [1, 2, 3, 4]) await wrong(n)
    const elsewhere = await service.app.inject({
      url: '/admins/me',
      headers: as('bob'),
      remoteAddress: '192.0.2.7',
    })
    expect(elsewhere.statusCode).toBe(200)
  })

  test('do not count where nobody tried a credential, the panel failed, or the caller succeeded', async () => {
    for (const _ of [1, 2, 3, 4]) expect((await get('/admins')).statusCode).toBe(401)
    service.panel.faults.add({ kind: 'hang', path: '/api/admin' })
    for (const n of [1, 2, 3, 4]) expect((await wrong(n)).statusCode).toBe(504)
    service.panel.faults.clear()
    for (const { username } of [...admins, ...admins]) {
      expect((await get('/admins/me', as(username))).statusCode).toBe(200)
    }
  })
})

test('believes a proxy about the address only where it is told to', async () => {
  const from = (n: number) => ({ authorization: 'Bearer wrong', 'x-forwarded-for': `192.0.2.${n}` })
  for (const n of [1, 2, 3]) await get('/admins', from(n))
  expect((await get('/admins', from(4))).statusCode).toBe(429)

  const behindProxy = await startTestService({
    admins,
    trustProxy: true,
    failedAuthentication: { max: 1, windowMs: 60_000 },
  })
  for (const n of [1, 2, 3]) {
    expect((await behindProxy.app.inject({ url: '/admins', headers: from(n) })).statusCode).toBe(401)
  }
  expect((await behindProxy.app.inject({ url: '/admins', headers: from(1) })).statusCode).toBe(429)
  await behindProxy.close()
})
