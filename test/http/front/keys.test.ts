import { once } from 'node:events'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { createKey } from '../../support/api-keys.ts'
import { apiKey } from '../service.ts'
import { send } from './raw.ts'
import { echo, type Handle } from './upstream.ts'
import { useUpstream } from './use-front.ts'

/** What the panel was sent, headers and bodies. */
let reached: string[] = []
const watch: Handle = (request, response) => {
  reached.push(`${request.method} ${request.url} ${JSON.stringify(request.rawHeaders)}`)
  request.on('data', (chunk: Buffer) => reached.push(chunk.toString('latin1')))
  echo(request, response)
}
const facing = useUpstream(watch)
let key = ''
/** Whose keys there are, and their texts. */
const kinds: Record<string, () => string> = {
  'an API key': () => key,
  "the operator's key": () => apiKey,
}

beforeAll(async () => {
  key = (await createKey(facing.service.db)).text
})
beforeEach(() => {
  reached = []
})

const base64 = (text: string) => Buffer.from(text).toString('base64')

/** Where a key can stand in a request, and how. */
const placements: Record<string, (key: string) => Record<string, string>> = {
  'as X-API-Key': (text) => ({ 'x-api-key': text }),
  'as X-API-Key beside a token of the panel': (text) => ({ 'x-api-key': text, authorization: 'Bearer good' }),
  'after Bearer': (text) => ({ authorization: `Bearer ${text}` }),
  'after bearer and two spaces': (text) => ({ authorization: `bearer  ${text}` }),
  'after a scheme that nobody knows': (text) => ({ authorization: `Token ${text}` }),
  'without a scheme': (text) => ({ authorization: text }),
  'after another token': (text) => ({ authorization: `Bearer good ${text}` }),
  'as the password of Basic': (text) => ({ authorization: `Basic ${base64(`me:${text}`)}` }),
  'as the name of Basic': (text) => ({ authorization: `basic ${base64(`${text}:`)}` }),
}
const wholeOnly: typeof placements = {
  'in a cookie': (text) => ({ cookie: `token=${text}` }),
  'in a header of its own': (text) => ({ 'x-token': `key=${text};` }),
}
const targets = ['/api/users?limit=1', '/api/user/bob', '/api/users/reset', '/sub/abc', '/dashboard/']
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']

describe.each(Object.entries({ ...placements, ...wholeOnly }))('a key %s', (_what, headersOf) => {
  test.each(Object.entries(kinds))(
    'never reaches the panel, by any method on any path: %s',
    async (_kind, text) => {
      for (const target of targets) {
        for (const method of methods) {
          const answer = await send(facing.address, method, target, { headers: headersOf(text()) })
          expect([method, target, answer.status]).toEqual([method, target, 401])
        }
      }
      expect(reached).toEqual([])
    },
  )
})

describe.each(Object.entries(placements))('what only begins like a key, %s,', (_what, headersOf) => {
  test('does not reach it either', async () => {
    const answer = await send(facing.address, 'GET', '/api/admin', { headers: headersOf('mzl_oops') })
    expect(answer.status).toBe(401)
    expect(reached).toEqual([])
  })
})

test('the refusal says what to do, in the form of the panel, and shows nothing of the key', async () => {
  const answer = await send(facing.address, 'GET', '/api/users', {
    headers: { authorization: `Bearer ${key}` },
  })
  expect(JSON.parse(answer.body)).toEqual({ detail: expect.stringContaining('token of a Marzban admin') })
  expect(answer.headers['www-authenticate']).toMatch(/^Bearer/)
  expect(answer.body).not.toContain('mzl_')
})

/** Percent-encoded as no client would. */
const encoded = (text: string) => [...text].map((char) => `%${char.charCodeAt(0).toString(16)}`).join('')

test.each([
  ['as it is', (text: string) => `/api/users?token=${text}`],
  ['percent-encoded', (text: string) => `/api/users?token=${encoded(text)}`],
  ['as a name of a user', (text: string) => `/api/user/${text}`],
  ['as a name of a user, percent-encoded', (text: string) => `/api/user/${encoded(text)}`],
])('a key in the target %s never reaches the panel, nor the log', async (_how, targetOf) => {
  const { logged } = facing.service
  for (const text of Object.values(kinds).map((textOf) => textOf())) {
    logged.length = 0
    expect((await send(facing.address, 'GET', targetOf(text))).status).toBe(401)
    expect(reached).toEqual([])
    await send(facing.address, 'GET', targetOf(text).replace('/api/', '/users/'))
    expect(logged.length).toBeGreaterThan(1)
    expect(JSON.stringify(logged)).not.toContain(text.slice(-31))
  }
})

test.each([
  ['a login', 'POST', '/api/admin/token', (text: string) => `username=ana&password=${text}`],
  ['a new user', 'POST', '/api/user', (text: string) => JSON.stringify({ note: `my key ${text}.` })],
  ['a body of bytes', 'PUT', '/api/core/config', (text: string) => Buffer.from(`\u00ff${text}\u00ff`)],
])('a key in %s never reaches the panel', async (_what, method, target, bodyOf) => {
  for (const text of Object.values(kinds).map((textOf) => textOf())) {
    const answer = await send(facing.address, method, target, { body: bodyOf(text) })
    expect([answer.status, reached]).toEqual([401, []])
  }
})

test.each(Object.entries(kinds))('%s never reaches a WebSocket of the panel', async (_kind, textOf) => {
  const text = textOf()
  const address = facing.address.replace('http', 'ws')
  for (const [url, headers] of [
    [`${address}/api/core/logs?token=${text}`, {}],
    [`${address}/api/core/logs?token=good`, { 'x-api-key': text }],
    [`${address}/api/core/logs?token=good`, { authorization: `Bearer ${text}` }],
  ] as const) {
    const [error] = await once(new WebSocket(url, { headers }), 'error')
    expect(String(error)).toContain('401')
  }
  expect(reached).toEqual([])
})

test('what only looks a little like a key is passed on', async () => {
  const headers = { authorization: 'Bearer eyJhbGciOi.mzl_1_x.sig', cookie: 'a=mzl_1_short' }
  const body = JSON.stringify({ note: 'mzl_ is the prefix; mzl_1_ too' })
  expect((await send(facing.address, 'POST', '/api/user', { headers, body })).status).toBe(200)
  expect(reached.join()).toContain('eyJhbGciOi.mzl_1_x.sig')
})
