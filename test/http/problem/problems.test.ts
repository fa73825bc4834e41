import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Cuttable, createCuttable } from '../cuttable.ts'
import { startTestService, type TestService, withKey } from '../service.ts'

const admins = [{ username: 'ana' }]
let database: Cuttable
let service: TestService
beforeEach(async () => {
  database = createCuttable()
  service = await startTestService({ admins, reach: database.via })
  await service.poll()
})
afterEach(async () => {
  database.restore()
  await service.close()
  await database.close()
})

const problem = (status: number, title: string, more: object = {}) => ({
  type: 'about:blank',
  title,
  status,
  detail: expect.stringMatching(/\.$/),
  code: expect.any(String),
  ...more,
})

describe('what was asked wrongly', () => {
  test.each([
    ['GET', '/nowhere?x=1', 404, 'Not Found', 'There is no GET /nowhere here; see /docs.'],
    ['GET', '/admins/%zz', 400, 'Bad Request', expect.stringContaining('%')],
    ['GET', `/admins/${'1'.repeat(9_000)}`, 414, 'URI Too Long', expect.stringContaining('too long')],
  ] as const)('%s %s', async (method, url, status, title, detail) => {
    const answer = await service.app.inject({ method, url, headers: withKey })
    expect(answer.statusCode).toBe(status)
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/)
    expect(answer.json()).toEqual(problem(status, title, { detail }))
  })

  test.each([
    ['application/json', '{"a":', 400, 'Bad Request'],
    ['application/json', '{"__proto__":{}}', 400, 'Bad Request'],
    ['application/json', `"${'x'.repeat(1024 * 1024)}"`, 413, 'Payload Too Large'],
    ['application/xml', '<a/>', 415, 'Unsupported Media Type'],
  ])('a body of %s: %.8s', async (type, payload, status, title) => {
    const headers = { ...withKey, 'content-type': type }
    const answer = await service.app.inject({ method: 'POST', url: '/sync', headers, payload })
    expect(answer.statusCode).toBe(status)
    const code = status === 413 ? 'too_large' : 'invalid_request'
    expect(answer.json()).toEqual(problem(status, title, { code }))
    expect(service.syncs()).toBe(0)
  })

  test.each([
    ['no HTTP at all\r\n\r\n', 400],
    [`GET / HTTP/1.1\r\nhost: x\r\nx-large: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
  ])('bytes that are no request: %.12s', async (bytes, status) => {
    await service.app.listen({ host: '127.0.0.1', port: 0 })
    const { port } = service.app.server.address() as AddressInfo
    const socket = connect(port, '127.0.0.1')
    socket.write(bytes)
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk
    })
    await once(socket, 'close')
    const [head = '', body = ''] = text.split('\r\n\r\n')
    expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    expect(head).toContain('content-type: application/problem+json')
    expect(JSON.parse(body)).toMatchObject({ status, code: 'invalid_request' })
  })
})

describe('what went wrong here', () => {
  test('is a 500 that tells nothing but where to look in the log', async () => {
    await service.db.schema.alterTable('cumulative_traffic').renameTo('misplaced').execute()
    const answer = await service.app.inject({ url: '/admins/me', headers: service.as('ana') })
    expect(answer.statusCode).toBe(500)
    expect(answer.body).not.toContain('cumulative_traffic')
    const body = answer.json()
    expect(body).toEqual(
      problem(500, 'Internal Server Error', { code: 'internal_error', request_id: expect.any(String) }),
    )
    const line = service.logged.find(({ level, reqId }) => level === 50 && reqId === body.request_id)
    expect(line).toMatchObject({
      err: { message: expect.stringContaining('cumulative_traffic'), stack: expect.stringContaining(' at ') },
    })
  })

  test('is a 503 while the database is gone, and nothing once it is back', async () => {
    const ask = (url: string) => service.app.inject({ url, headers: withKey })
    const urls = [
      '/admins',
      '/admins/1',
      '/admins/1/stats',
      '/admins/1/stats?max_age=0',
      '/admins/1/users',
      '/deletions',
      '/sync',
    ]
    for (const url of urls) expect((await ask(url)).statusCode).toBe(200)
    database.cut()
    for (const url of urls) {
      const answer = await ask(url)
      expect([url, answer.statusCode]).toEqual([url, 503])
      expect(answer.json()).toEqual(problem(503, 'Service Unavailable', { code: 'database_unavailable' }))
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
    }
    expect((await ask('/healthz')).statusCode).toBe(200)
    database.restore()
    for (const url of urls) expect([url, (await ask(url)).statusCode]).toEqual([url, 200])
  })
})
