import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { recordPollFailure } from '../../../src/store/collecting/panel-poll.ts'
import { drawAsked } from '../../../src/store/connection/logical-clock.ts'
import { startTestService, type TestService, withKey } from '../service.ts'
import { send } from './raw.ts'

/** What stands where the panel should be, each in its way no panel. */
const places: [string, (port: number) => string][] = [
  ['nothing', () => ''],
  ['what hangs up', () => ''],
  ['what says nothing', () => ''],
  ['what is no HTTP', (port) => `SSH-2.0 127.0.0.1:${port}\r\n\r\n`],
  ['a page of HTML', (port) => http(200, 'text/html', `<p>127.0.0.1:${port}</p>`)],
  ['a redirect', (port) => http(302, 'text/html', '', `location: https://127.0.0.1:${port}/api/admin\r\n`)],
  [
    'a refusal that names its place',
    (port) => http(403, 'application/json', `{"detail":"not at 127.0.0.1:${port}"}`),
  ],
  ['a type that names its place', (port) => http(200, `x/127.0.0.1:${port}`, '')],
  ['half an answer', () => 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf'],
]

function http(status: number, type: string, body: string, more = ''): string {
  return `HTTP/1.1 ${status} X\r\ncontent-type: ${type}\r\n${more}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
}

describe.each(places)('with %s in the place of the panel', (name, says) => {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    if (name === 'what hangs up') socket.destroy()
    else if (name !== 'what says nothing') socket.once('data', () => socket.end(says(port)))
  })
  let port = 0
  let service: TestService

  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    port = (server.address() as AddressInfo).port
    if (name === 'nothing') await new Promise((resolve) => server.close(resolve))
    const at = `http://127.0.0.1:${port}`
    service = await startTestService({ admins: [], panelUrl: at, upstream: at, panelTimeoutMs: 200 })
    await service.app.listen({ host: '127.0.0.1', port: 0 })
    const asked = await drawAsked(service.db)
    // As the poll does with what it meets.
    const error = await service.poll().catch((caught: unknown) => caught)
    await recordPollFailure(service.db, asked, error as { code: string; message: string })
  })
  afterAll(async () => {
    await service.close()
    server.close()
  })

  test.each([
    ['GET', '/readyz', {}],
    ['POST', '/api/admin/token', {}],
    ['GET', '/api/system', {}],
    ['GET', '/sub/abc', {}],
    ['GET', '/dashboard/', {}],
    ['GET', '/admins', { authorization: 'Bearer abc' }],
    ['GET', '/admins/me', { authorization: 'Bearer abc' }],
    ['POST', '/deletions', { authorization: 'Bearer abc' }],
    ['DELETE', '/users/alice', { authorization: 'Bearer abc' }],
    ['DELETE', '/users/alice', withKey],
    ['DELETE', '/api/user/alice', { authorization: 'Bearer abc' }],
    ['POST', '/api/users/reset', { authorization: 'Bearer abc' }],
    ['DELETE', '/api/users/expired', { authorization: 'Bearer abc' }],
    ['GET', '/deletions', withKey],
    ['GET', '/sync', withKey],
  ])('%s %s tells nobody where it is', async (method, target, headers) => {
    const answer = await send(service.app.listeningOrigin, method, target, { headers }).catch(() => null)
    if (answer === null || (target.startsWith('/') && answer.status < 400 && isPassedOn(target))) return
    if (isPassedOn(target) && answer.status === 403) return
    expect(answer.body + JSON.stringify(answer.headers)).not.toMatch(new RegExp(`127\\.0\\.0\\.1|${port}`))
    if (target === '/readyz') expect(JSON.parse(answer.body)).toMatchObject({ panel: { status: 'failing' } })
  })
})

/** Whether what the panel itself says is passed on. */
function isPassedOn(target: string): boolean {
  return /^\/(api|sub|dashboard)\//.test(target)
}

test('the log names it', async () => {
  const at = 'http://127.0.0.1:9'
  const service = await startTestService({ admins: [], upstream: at, panelUrl: at })
  await service.app.listen({ host: '127.0.0.1', port: 0 })
  await send(service.app.listeningOrigin, 'GET', '/api/system')
  expect(service.logged).toContainEqual(
    expect.objectContaining({
      level: 40,
      err: expect.objectContaining({ forOperator: expect.stringContaining('127.0.0.1:9') }),
    }),
  )
  await service.close()
})
