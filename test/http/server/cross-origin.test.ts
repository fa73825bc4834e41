import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readOperations } from '../operations.ts'
import { apiKey, startTestService, type TestService } from '../service.ts'

const origin = 'https://app.example'
let service: TestService
let port: number
beforeAll(async () => {
  service = await startTestService({
    admins: [{ username: 'ana' }],
    corsOrigins: [origin, 'http://localhost:3000'],
  })
  await service.poll()
  port = Number(new URL(await service.app.listen({ host: '127.0.0.1', port: 0 })).port)
})
afterAll(() => service.close())

type Answer = { status: number; headers: Record<string, string>; body: string }

/** Sends the bytes that a browser sends, and reads the whole answer. */
async function send(line: string, headers: Record<string, string>): Promise<Answer> {
  const socket = connect(port, '127.0.0.1')
  const all = { host: 'ledger.test', connection: 'close', ...headers }
  socket.write(`${line} HTTP/1.1\r\n`)
  for (const [name, value] of Object.entries(all)) socket.write(`${name}: ${value}\r\n`)
  // Not ended: who hangs up here wants no answer.
  socket.write('\r\n')
  const [head = '', ...body] = (await text(socket)).split('\r\n\r\n')
  const [first = '', ...lines] = head.split('\r\n')
  const pairs = lines
    .map((header) => header.split(': ', 2))
    .map(([name = '', value = '']) => [name.toLowerCase(), value])
  return {
    status: Number(first.split(' ')[1]),
    headers: Object.fromEntries(pairs),
    body: body.join('\r\n\r\n'),
  }
}

const preflight = (path: string, method: string, from = origin, wanted = 'authorization,content-type') =>
  send(`OPTIONS ${path}`, {
    origin: from,
    'access-control-request-method': method,
    'access-control-request-headers': wanted,
  })

const listOf = (value = '') => value.split(', ').map((item) => item.toLowerCase())

/** Whether a browser would send the request after this answer to its preflight (Fetch, section 4.8). */
function isAllowed(
  { status, headers }: Answer,
  method: string,
  wanted: readonly string[],
  from = origin,
): boolean {
  const names = listOf(headers['access-control-allow-headers'])
  return (
    status >= 200 &&
    status < 300 &&
    headers['access-control-allow-origin'] === from &&
    listOf(headers['access-control-allow-methods']).includes(method.toLowerCase()) &&
    wanted.every((name) => names.includes(name))
  )
}

test('a page of an allowed origin may make every call of the document, with all headers that it can have', async () => {
  const { paths } = (await service.app.inject('/openapi.json')).json<{
    paths: Record<string, Record<string, { parameters?: { in: string; name: string }[] }>>
  }>()
  const operations = await readOperations(service.app)
  expect(operations.length).toBeGreaterThan(20)
  for (const { method, path } of operations) {
    const { parameters = [] } = paths[path]?.[method.toLowerCase()] ?? {}
    const own = parameters.filter((parameter) => parameter.in === 'header').map(({ name }) => name)
    const wanted = ['authorization', 'content-type', 'x-api-key', ...own].sort()
    const url = path.replaceAll(/\{\w+\}/g, '1')
    const answer = await preflight(url, method, origin, wanted.join(','))
    expect([method, path, isAllowed(answer, method, wanted)]).toEqual([method, path, true])
    // Keys are sent by the page itself, never by the browser.
    expect(answer.headers).not.toHaveProperty('access-control-allow-credentials')
    expect(answer.headers.vary).toBe('Origin')
    expect(answer.body).toBe('')
  }
})

test('a page of an allowed origin reads the answer and the headers that matter, errors too', async () => {
  for (const [path, status] of [
    ['/admins', 200],
    ['/admins/9', 404],
    ['/admins/ana', 400],
    ['/admins/', 307],
    ['/nowhere', 404],
  ] as const) {
    const answer = await send(`GET ${path}`, { origin, 'x-api-key': apiKey })
    expect([path, answer.status]).toEqual([path, status])
    expect(answer.headers['access-control-allow-origin']).toBe(origin)
    expect(listOf(answer.headers['access-control-expose-headers'])).toEqual([
      'etag',
      'location',
      'retry-after',
    ])
    expect(answer.headers.vary).toBe('Origin')
  }
  const refused = await send('GET /admins', { origin })
  expect([refused.status, refused.headers['access-control-allow-origin']]).toEqual([401, origin])
})

describe.each([
  'https://evil.example',
  'https://app.example.evil.example',
  'https://app.example:8443',
  'http://app.example',
  'null',
])('a page of %s', (from) => {
  test('may not call', async () => {
    const answer = await preflight('/admins', 'GET', from)
    expect(isAllowed(answer, 'GET', [], from)).toBe(false)
    expect(answer.headers).not.toHaveProperty('access-control-allow-origin')
    expect(answer.status).toBe(405)
  })

  test('may not read an answer', async () => {
    const { headers } = await send('GET /healthz', { origin: from })
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([])
  })
})

test('an OPTIONS that is no preflight is still a method that a path does not have', async () => {
  const answer = await send('OPTIONS /admins', {})
  expect([answer.status, answer.headers.allow]).toEqual([405, 'GET, HEAD'])
  expect((await send('OPTIONS /nowhere', {})).status).toBe(404)
})

test('what the front forwards is left to the panel', async () => {
  service.takeAsked()
  const answer = await preflight('/api/users', 'GET')
  expect(service.takeAsked()).toEqual(['OPTIONS /api/users'])
  expect(isAllowed(answer, 'GET', [])).toBe(false)
  const list = await send('GET /api/users', { origin, ...service.as('ana') })
  expect(list.status).toBe(200)
  expect(list.headers).not.toHaveProperty('access-control-expose-headers')
})

test('without CORS_ORIGINS no page of another origin may call', async () => {
  const closed = await startTestService({ admins: [] })
  try {
    const headers = { origin, 'access-control-request-method': 'GET' }
    const answer = await closed.app.inject({ method: 'OPTIONS', url: '/admins', headers })
    expect(answer.statusCode).toBe(405)
    const { headers: answered } = await closed.app.inject({ url: '/healthz', headers })
    expect(Object.keys(answered).filter((name) => name.startsWith('access-control'))).toEqual([])
  } finally {
    await closed.close()
  }
})
