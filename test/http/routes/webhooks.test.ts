import { readFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { makeSecret } from '../../stand-in/secrets.ts'
import { startTestService, type TestService } from '../service.ts'

const secret = makeSecret()
const withSecret = { 'x-webhook-secret': secret }
let service: TestService

beforeAll(async () => {
  service = await startTestService({ admins: [], webhookSecret: secret, logLevel: 'trace' })
})
afterAll(() => service.close())
beforeEach(async () => {
  await service.takeOutbox()
})

function post(payload: unknown, headers: Record<string, string> = withSecret) {
  const body = typeof payload === 'string' ? payload : JSON.stringify(payload)
  return service.app.inject({
    method: 'POST',
    url: '/webhooks/marzban',
    headers: { 'content-type': 'application/json', ...headers },
    payload: body,
  })
}

type Recorded = { headers: Record<string, string>; body: { username: string; action: string }[] }

const recordings: Recorded[] = JSON.parse(
  readFileSync(path.join(import.meta.dirname, '../../stand-in/recordings/05-webhooks.json'), 'utf8'),
)

test('the notifications of a real Marzban are accepted, and only their names are used', async () => {
  for (const { body } of recordings) {
    const answer = await post(body)
    expect([answer.statusCode, answer.body]).toEqual([204, ''])
  }
  expect((await service.takeOutbox()).usernames).toEqual(
    recordings.flatMap(({ body }) => [...new Set(body.map(({ username }) => username))]),
  )
  const logged = JSON.stringify(service.logged)
  expect(logged).not.toContain(secret)
  expect(logged).not.toContain('/sub/')
})

test.each([
  ['nothing', []],
  ['an unknown action', [{ action: 'user_teleported', username: 'alice' }]],
  ['more than is known', [{ action: 'user_deleted', username: 'alice', by: null, x: { y: [1] } }]],
  ['a note about nobody', [{ action: 'panel_restarted' }]],
  [
    'as much as fits',
    Array.from({ length: 30_000 }, () => ({ username: 'alice', links: 'x'.repeat(1_000) })),
  ],
])('%s is accepted', async (_name, body) => {
  expect((await post(body)).statusCode).toBe(204)
})

test('a name that no user can have is ignored', async () => {
  const names = ['', 'x'.repeat(16_001), 'a\0b', 'a\ud800', 1, null, { a: 1 }]
  expect((await post(names.map((username) => ({ username })))).statusCode).toBe(204)
  expect((await service.takeOutbox()).usernames).toEqual([])
  const long = 'x'.repeat(6_000)
  expect((await post([...names, 'alice', long].map((username) => ({ username })))).statusCode).toBe(204)
  expect((await service.takeOutbox()).usernames).toEqual(['alice', long])
})

describe('refused notifications', () => {
  test.each([
    ['without the secret', {}],
    ['with another', { 'x-webhook-secret': `${secret}x` }],
    ['with the end of it', { 'x-webhook-secret': secret.slice(1) }],
    ['with the beginning of it', { 'x-webhook-secret': secret.slice(0, -1) }],
    ['with an empty one', { 'x-webhook-secret': '' }],
    ['with the key of the operator', { 'x-api-key': secret }],
  ])('notifications %s get 401', async (_name, headers) => {
    const answer = await post([{ username: 'alice' }], headers as Record<string, string>)
    expect(answer.statusCode).toBe(401)
    expect(answer.json()).toMatchObject({ code: 'unauthenticated' })
    expect((await service.takeOutbox()).usernames).toEqual([])
  })

  test.each([
    ['an object', { username: 'alice' }],
    ['an array of texts', ['alice']],
    ['half a body', '[{"username": "al'],
  ])('%s as a body gets 400', async (_name, body) => {
    const answer = await post(body)
    expect(answer.statusCode).toBe(400)
    expect(answer.json().detail).toMatch(/JSON/)
    expect((await service.takeOutbox()).usernames).toEqual([])
  })

  test('a body of more than 32 MiB gets 413', async () => {
    const answer = await post(JSON.stringify([{ username: 'alice', x: 'x'.repeat(32 * 1024 * 1024) }]))
    expect(answer.statusCode).toBe(413)
  })

  test('webhooks get 404 if no secret is configured', async () => {
    const other = await startTestService({ admins: [] })
    try {
      const answer = await other.app.inject({
        method: 'POST',
        url: '/webhooks/marzban',
        headers: { ...withSecret },
        payload: [],
      })
      expect(answer.statusCode).toBe(404)
      expect(answer.json().detail).toContain('WEBHOOK_SECRET')
    } finally {
      await other.close()
    }
  })
})
