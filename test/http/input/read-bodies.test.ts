import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readOperations } from '../operations.ts'
import { startTestService, type TestService, withKey } from '../service.ts'

let service: TestService
beforeAll(async () => {
  service = await startTestService({
    admins: [{ username: 'ana' }],
    webhookSecret: 'a-secret-of-the-webhooks',
  })
  await service.poll()
})
afterAll(() => service.close())

const types = [
  'application/json',
  'application/json; charset=utf-8',
  'application/x-www-form-urlencoded',
  'application/octet-stream',
  'text/plain',
]
const withBody = ['createApiKey', 'deleteUsers', 'setLimit', 'addGrant', 'placeHold', 'receiveWebhooks']

describe.each(types)('an empty body that is called %s', (type) => {
  test.each([
    ['POST', '/sync', 202],
    ['DELETE', '/users/nobody', 404],
    ['DELETE', '/deletions/9', 404],
    ['DELETE', '/admins/1/limit', 404],
    ['GET', '/admins', 200],
  ] as const)('is no body for %s %s', async (method, url, status) => {
    const headers = { ...withKey, 'content-type': type }
    expect((await service.app.inject({ method, url, headers })).statusCode).toBe(status)
    const announced = { ...headers, 'content-length': '0' }
    expect((await service.app.inject({ method, url, headers: announced })).statusCode).toBe(status)
  })

  test('is refused by every call that needs a body, which names it', async () => {
    const operations = await readOperations(service.app)
    const calls = operations.filter(({ operationId }) => withBody.includes(operationId))
    expect(calls).toHaveLength(withBody.length)
    for (const { method, path } of calls) {
      const answer = await service.app.inject({
        method,
        url: path.replace('{id}', '1'),
        headers: { ...withKey, 'x-webhook-secret': 'a-secret-of-the-webhooks', 'content-type': type },
      })
      expect([path, answer.statusCode]).toEqual([path, 400])
      expect(answer.json()).toMatchObject({
        code: 'invalid_request',
        errors: [{ field: 'body', detail: expect.stringMatching(/^The body must be a JSON /) }],
      })
    }
  })
})

test('a body of another type is still refused, also where none is needed', async () => {
  for (const [method, url] of [
    ['POST', '/sync'],
    ['POST', '/deletions'],
    ['DELETE', '/users/nobody'],
    ['POST', '/admins/1/periods'],
    ['PUT', '/admins/1/limit'],
  ] as const) {
    for (const type of ['application/x-www-form-urlencoded', 'text/plain', 'text/plain; charset=utf-8']) {
      const headers = { ...withKey, 'content-type': type }
      const answer = await service.app.inject({ method, url, headers, payload: '{"usernames":["alice"]}' })
      expect([url, answer.statusCode]).toEqual([url, 415])
    }
  }
})

test('a body that is not UTF-8 is refused: each of its other characters would be taken for the same one', async () => {
  const headers = { ...withKey, 'content-type': 'application/json' }
  const post = (url: string, payload: Buffer) => service.app.inject({ method: 'POST', url, headers, payload })
  const bodyWith = (encoding: 'latin1' | 'utf8') => Buffer.from('{"usernames":["josé"]}', encoding)
  const answer = await post('/deletions', bodyWith('latin1'))
  const detail = 'The body holds bytes that are not UTF-8; encode the JSON as UTF-8.'
  expect([answer.statusCode, answer.json().errors]).toEqual([400, [{ field: 'body', detail }]])
  expect((await post('/deletions', bodyWith('utf8'))).statusCode).toBe(202)
})

describe('a call that takes no body', () => {
  const send = (method: 'POST' | 'DELETE', url: string, payload: string) =>
    service.app.inject({ method, url, headers: { ...withKey, 'content-type': 'application/json' }, payload })
  const takesNone = 'This call takes no body; send none, or an empty object.'

  test.each([
    ['POST', '/sync', '{"a":1}', takesNone],
    ['POST', '/sync', '[]', takesNone],
    ['POST', '/sync', '0', takesNone],
    ['POST', '/admins/1/periods', '{"dry_run":true}', takesNone],
    ['DELETE', '/admins/1', '{"x":null}', takesNone],
    [
      'DELETE',
      '/users/nobody',
      '{"preserve_traffic":false}',
      `${takesNone} preserve_traffic belongs in the query.`,
    ],
  ] as const)('refuses %s %s with %s', async (method, url, payload, detail) => {
    const syncs = service.syncs()
    const answer = await send(method, url, payload)
    expect([answer.statusCode, answer.json().errors]).toEqual([400, [{ field: 'body', detail }]])
    expect(service.syncs()).toBe(syncs)
  })

  test.each(['{}', ' { } ', 'null'])(
    'takes %s, which many clients send with every request',
    async (payload) => {
      expect((await send('POST', '/sync', payload)).statusCode).toBe(202)
      expect((await send('DELETE', '/users/nobody', payload)).statusCode).toBe(404)
    },
  )
})
