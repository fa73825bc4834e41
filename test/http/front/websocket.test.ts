import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { startTestService, type TestService } from '../service.ts'
import { startUpstream, type Upstream } from './upstream.ts'

let upstream: Upstream
let sockets: WebSocketServer
let service: TestService
let address: string
let opened: { url: string | undefined; forwardedFor: unknown; protocol: string }[] = []

beforeAll(async () => {
  upstream = await startUpstream((_request, response) => response.writeHead(404).end())
  sockets = new WebSocketServer({
    server: upstream.server,
    verifyClient: ({ req }: { req: IncomingMessage }) => req.url?.includes('token=good') === true,
  })
  sockets.on('connection', (socket, request) => {
    opened.push({
      url: request.url,
      forwardedFor: request.headers['x-forwarded-for'],
      protocol: socket.protocol,
    })
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }))
    socket.send('a line of the log')
  })
  service = await startTestService({ admins: [], upstream: `${upstream.url}/base`, logLevel: 'trace' })
  address = (await service.app.listen({ host: '127.0.0.1', port: 0 })).replace('http', 'ws')
})
afterAll(async () => {
  await service.close()
  sockets.close()
  await upstream.close()
})
beforeEach(() => {
  opened = []
})

test.each(['/api/core/logs?interval=1&token=good-secret', '/api/node/3/logs?token=good-secret'])(
  '%s is passed on in both directions',
  async (target) => {
    const socket = new WebSocket(`${address}${target}`, ['log'])
    const [line] = await once(socket, 'message')
    expect(String(line)).toBe('a line of the log')
    expect(opened).toEqual([{ url: `/base${target}`, forwardedFor: '127.0.0.1', protocol: 'log' }])
    socket.send(Buffer.from([0, 255]))
    const [echoed, isBinary] = await once(socket, 'message')
    expect([[...(echoed as Buffer)], isBinary]).toEqual([[0, 255], true])
    socket.close(4000, 'enough')
    await once(socket, 'close')
    expect(JSON.stringify(service.logged)).not.toContain('good-secret')
  },
)

test('one that the panel refuses is closed', async () => {
  const socket = new WebSocket(`${address}/api/core/logs?token=bad`)
  const [code] = await once(socket, 'close')
  expect(code).toBe(1011)
  expect(opened).toEqual([])
})

test.each(['/api//core/logs?token=good', '/docs?token=good', '/nothing?token=good'])(
  '%s is none of the panel’s',
  async (target) => {
    const socket = new WebSocket(`${address}${target}`)
    const [error] = await once(socket, 'error')
    expect(String(error)).toMatch(/Unexpected server response: (400|404|200)/)
    expect(opened).toEqual([])
  },
)

test('one that is open does not hold up the end of the service', async () => {
  const other = await startTestService({ admins: [], upstream: upstream.url })
  const base = (await other.app.listen({ host: '127.0.0.1', port: 0 })).replace('http', 'ws')
  const socket = new WebSocket(`${base}/api/core/logs?token=good`)
  await once(socket, 'message')
  const closed = once(socket, 'close')
  await other.close()
  await closed
})
