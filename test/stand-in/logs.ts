import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { setInterval } from 'node:timers/promises'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Tokens } from './auth.ts'

const paths = /^\/api\/(core|node\/\d+)\/logs$/
/** Milliseconds between two lines of a log. */
const pauseMs = 20

/**
 * The panel's WebSockets: the logs of its core and of its nodes, for sudo admins, a token in the query or the header. What a
 * client says is read and forgotten; who may not listen gets 403 in place of the handshake.
 */
export function serveLogs(server: Server, tokens: Tokens): void {
  const sockets = new WebSocketServer({ noServer: true, closeTimeout: 500 } as object)
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => {})
    if (!mayListen(request, tokens))
      return void socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n')
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.on('error', () => {})
      void tell(webSocket)
    })
  })
}

async function tell(socket: WebSocket): Promise<void> {
  for await (const _ of setInterval(pauseMs)) {
    if (socket.readyState !== socket.OPEN) return
    if (socket.bufferedAmount < 1024 * 1024) socket.send('a line of the log '.repeat(500))
  }
}

function mayListen({ url = '', headers }: IncomingMessage, tokens: Tokens): boolean {
  const { pathname, searchParams } = new URL(url, 'http://panel')
  const token = searchParams.get('token')
  try {
    const who = tokens.identify(token === null ? headers.authorization : `Bearer ${token}`)
    return paths.test(pathname) && who.isSudo
  } catch {
    return false
  }
}
