import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setInterval, setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { until } from '../../support/until.ts'
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

test.each([
  '/api//core/logs?token=good',
  '/docs?token=good',
  '/nothing?token=good',
  '/api/node/x/logs?token=good',
  '/api/system?token=good',
])('%s is none of the panel’s', async (target) => {
  const socket = new WebSocket(`${address}${target}`)
  const [error] = await once(socket, 'error')
  expect(String(error)).toMatch(/Unexpected server response: (400|404|200)/)
  expect(opened).toEqual([])
})

test('one that is open does not hold up the end of the service', async () => {
  const other = await startTestService({ admins: [], upstream: upstream.url })
  const base = (await other.app.listen({ host: '127.0.0.1', port: 0 })).replace('http', 'ws')
  const socket = new WebSocket(`${base}/api/core/logs?token=good`)
  await once(socket, 'message')
  const closed = once(socket, 'close')
  await other.close()
  await closed
})

describe('what a WebSocket may not do', () => {
  /** A service before a panel that answers handshakes as `answer` says. */
  const facing = async (answer: (socket: Socket) => void) => {
    const server = createServer()
    const open = new Set<Socket>()
    server.on('upgrade', (_request, socket: Socket) => {
      open.add(socket)
      socket
        .on('error', () => {})
        .on('end', () => socket.destroy())
        .resume()
      socket.on('close', () => open.delete(socket))
      answer(socket)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const patience = { headersMs: 1_000, requestMs: 1_000, checkEveryMs: 50, answerMs: 300, handshakeMs: 200 }
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const other = await startTestService({ admins: [], upstream: url, patience })
    const base = (await other.app.listen({ host: '127.0.0.1', port: 0 })).replace('http', 'ws')
    onTestFinished(async () => {
      await other.close()
      server.closeAllConnections()
      server.close()
    })
    return { open, logs: `${base}/api/core/logs` }
  }

  test.each<[string, (socket: Socket) => void]>([
    ['says nothing', () => {}],
    [
      'refuses, and says the rest of its answer never',
      (socket) => socket.write('HTTP/1.1 403 No\r\ncontent-length: 9\r\n\r\n'),
    ],
    ['sends its answer drop by drop', (socket) => void drop(socket)],
    [
      'redirects',
      (socket) =>
        socket.write('HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n'),
    ],
    ['answers with what is no HTTP', (socket) => socket.write('\0\0\0\r\n\r\n')],
    [
      'answers with another key',
      (socket) =>
        socket.write(
          'HTTP/1.1 101 Go\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: x\r\n\r\n',
        ),
    ],
    ['resets the connection', (socket) => socket.resetAndDestroy()],
  ])('a panel that %s: 1011, and its connection is let go', async (_name, answer) => {
    const { open, logs } = await facing(answer)
    const socket = new WebSocket(logs)
    const [code, reason] = await once(socket, 'close')
    expect([code, String(reason)]).toEqual([1011, 'The panel did not take the WebSocket.'])
    await until('the connection to the panel ends', async () => open.size === 0, 5_000)
  })

  test('a client that goes before the panel answers takes the connection to the panel along', async () => {
    const { open, logs } = await facing(() => {})
    const socket = new WebSocket(logs)
    await once(socket, 'open')
    await until('the panel is asked', async () => open.size === 1, 5_000)
    socket.terminate()
    await until('the connection to the panel ends', async () => open.size === 0, 5_000)
  })

  test('more than 64 KiB in one message: 1009', async () => {
    const socket = new WebSocket(`${address}/api/core/logs?token=good`)
    await once(socket, 'message')
    socket.send(Buffer.alloc(65_536))
    expect((await once(socket, 'message'))[0]).toHaveLength(65_536)
    socket.send(Buffer.alloc(65_537))
    expect((await once(socket, 'close'))[0]).toBe(1009)
    await until('the panel’s end is closed', async () => sockets.clients.size === 0, 5_000)
  })

  test('more than 4 MiB in one message of the panel: closed, and the client is told', async () => {
    const socket = new WebSocket(`${address}/api/core/logs?token=good`)
    await once(socket, 'message')
    for (const client of sockets.clients) client.send(Buffer.alloc(4 * 1024 * 1024 + 1))
    const [code, reason] = await once(socket, 'close')
    expect([code, String(reason)]).toEqual([1011, 'The other end is gone.'])
  })

  test('to take nothing: the panel is told no more than fits, and in the end both are cut off', async () => {
    const patience = { headersMs: 1_000, requestMs: 1_000, checkEveryMs: 50, answerMs: 300 }
    const other = await startTestService({ admins: [], upstream: upstream.url, patience })
    onTestFinished(() => other.close())
    const stalling = (await other.app.listen({ host: '127.0.0.1', port: 0 })).replace('http', 'ws')
    const socket = new WebSocket(`${stalling}/api/core/logs?token=good`)
    await once(socket, 'message')
    socket.pause()
    const [panelsEnd] = sockets.clients
    const piece = Buffer.alloc(1024 * 1024)
    let waiting = 0
    let sent = 0
    while (panelsEnd?.readyState === panelsEnd?.OPEN && sent < 2_000) {
      panelsEnd?.send(piece)
      sent += 1
      waiting = Math.max(waiting, panelsEnd?.bufferedAmount ?? 0)
      await setTimeout(5)
    }
    // It was cut off while most of what it said was still waiting at its own end.
    expect(waiting).toBeGreaterThan(10 * 1024 * 1024)
  })
})

/** The beginning of an answer whose end never comes. */
async function drop(socket: Socket): Promise<void> {
  socket.write('HTTP/1.1 101 Go\r\nx: ')
  for await (const _ of setInterval(20)) {
    if (socket.destroyed) return
    socket.write('x')
  }
}
