import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { send, sendBytes } from '../front/raw.ts'
import { startTestService, type TestService, withKey } from '../service.ts'

const file = '/docs/static/swagger-ui.css'
let service: TestService
let base: string

beforeAll(async () => {
  service = await startTestService({ admins: [] })
  base = await service.app.listen({ host: '127.0.0.1', port: 0 })
})
afterAll(() => service.close())

describe('what Fastify or a plugin refuses keeps its status, says what is right and is no error of the log', () => {
  test.each([
    ['/docs/static/../x', {}, 403, 'forbidden', 'without dot segments'],
    ['/docs/static/%2e%2e/x', {}, 403, 'forbidden', 'without dot segments'],
    ['/docs/static/%2e/x', {}, 403, 'forbidden', 'without dot segments'],
    ['/docs/static/a//b', {}, 403, 'forbidden', 'empty segments'],
    ['/docs/static/%00', {}, 403, 'forbidden', 'control characters'],
    ['/docs/static/%5c..%5c', {}, 403, 'forbidden', 'backslashes'],
    [file, { range: 'bytes=99999999-' }, 416, 'invalid_request', 'Range'],
    [file, { 'if-match': '"x"' }, 412, 'precondition_failed', 'If-Match'],
    [file, { 'if-unmodified-since': 'Sat, 01 Jan 2000 00:00:00 GMT' }, 412, 'precondition_failed', 'without'],
  ] as const)('GET %s with %j', async (target, headers, status, code, detail) => {
    const logged = service.logged.length
    const answer = await send(base, 'GET', target, { headers })
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/)
    const problem = { status, code, detail: expect.stringContaining(detail) }
    expect([answer.status, JSON.parse(answer.body)]).toEqual([status, expect.objectContaining(problem)])
    expect(service.logged.slice(logged).filter(({ level }) => Number(level) > 30)).toEqual([])
  })
})

describe('a call that is not there', () => {
  test.each([
    ['QUERY', '/healthz', 405, 'There is no QUERY /healthz here, only GET, HEAD; see /docs.'],
    ['QUERY', '/nowhere', 404, 'There is no QUERY /nowhere here; see /docs.'],
    ['QUERY', '/a//b', 400, 'The path holds two slashes in a row.'],
    ['GET', '/docs/static/missing.css', 404, 'There is no GET /docs/static/missing.css here; see /docs.'],
    ['HEAD', '/docs/static/missing.css', 404, ''],
    ['PUT', '/docs/static/missing.css', 405, expect.stringContaining('only GET, HEAD')],
  ])('%s %s', async (method, target, status, detail) => {
    const { status: answered, body } = await send(base, method, target)
    expect([answered, body === '' ? '' : JSON.parse(body).detail]).toEqual([status, detail])
  })
})

describe('a target that cannot be decoded', () => {
  const notUtf8 = 'holds encoded bytes that are not UTF-8'
  const stray = 'holds a "%" that does not begin an encoded character'

  test.each([
    ['DELETE', '/users/%ff', `The path ${notUtf8}.`],
    ['DELETE', '/users/%ed%a0%80', `The path ${notUtf8}.`],
    ['DELETE', '/users/%zz', `The target ${stray}.`],
    ['GET', '/admins?username=%ff', `username ${notUtf8}; encode the text as UTF-8.`],
    ['GET', '/admins?limit=5&username=%ED%A0%80', `username ${notUtf8}; encode the text as UTF-8.`],
    ['GET', '/admins?username=100%', `username ${stray}; send "%" as %25.`],
    ['GET', '/admins?%ff=1', `query ${notUtf8}; encode the text as UTF-8.`],
  ])('%s %s', async (method, target, detail) => {
    const { status, body } = await send(base, method, target, { headers: withKey })
    expect([status, JSON.parse(body).detail]).toEqual([400, detail])
  })

  test('as raw UTF-8 gets 400 that says so', async () => {
    const text = await sendBytes(
      base,
      `GET /admins?username=${Buffer.from('ü').toString('latin1')} HTTP/1.1\r\nhost: x\r\n\r\n`,
    )
    expect(text).toMatch(/^HTTP\/1\.1 400 /)
    expect(text).toContain('The target holds characters that have to be percent-encoded.')
  })

  test('but an encoded one is found', async () => {
    for (const name of ['%25ff', '%C3%BC', 'a%20b', 'a+b']) {
      const { status } = await send(base, 'GET', `/admins?username=${name}`, { headers: withKey })
      expect([name, status]).toEqual([name, 200])
    }
  })
})
