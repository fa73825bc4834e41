import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { WebSocketServer } from 'ws'
import { isLedgerError } from '../../errors.ts'
import type { KeyReader } from '../../work/callers/key-reader.ts'
import type { App } from '../app-type.ts'
import { parseTarget } from '../server/target.ts'
import { createClientReader } from './client.ts'
import { headersForPanel } from './headers.ts'
import { carriesKey } from './refuse-keys.ts'
import { relay } from './relay.ts'
import type { FrontOptions } from './routes.ts'

export type UpgradeOptions = FrontOptions & {
  trustProxy: boolean | string[]
  /** How long the panel may take to accept or refuse a WebSocket, in milliseconds. */
  handshakeMs: number
  /** How long one end may read nothing of the other's messages, in milliseconds. */
  stallMs: number
}

/** Each holds a connection to the panel. */
const mostAtOnce = 128
/** The most bytes of one message. The panel ignores all messages of clients. */
const largestMessage = 64 * 1024
/** How long a client may take to close its end, in milliseconds. */
const closeTimeout = 1_000

/** Node keeps the current answer on its connection. */
type Answering = Socket & { _httpMessage?: ServerResponse | null }

/**
 * Whether a request becomes a WebSocket. Any other offer to change the protocol is ignored, and the request is answered
 * without it: so no connection leaves Node without a listener here.
 */
export function becomesWebSocket(
  request: IncomingMessage,
  { front, prefixes }: FrontOptions,
  keys: KeyReader,
): boolean {
  const { method, headers, url = '' } = request
  const isPlain = headers['content-length'] === undefined && headers['transfer-encoding'] === undefined
  const isUnderWay = Boolean((request.socket as Answering)._httpMessage)
  // Answered as a plain request, which is refused with the reason.
  if (carriesKey(request, keys)) return false
  if (method !== 'GET' || headers.upgrade?.toLowerCase() !== 'websocket' || !isPlain || isUnderWay)
    return false
  try {
    const { path } = parseTarget(url)
    return front.api.hasWebSocket(path) && prefixes.some((prefix) => `${path}/`.startsWith(`${prefix}/`))
  } catch (error) {
    if (isLedgerError(error, 'invalid_request')) return false
    throw error
  }
}

/** Connects the requests for which {@link becomesWebSocket} is true with WebSockets of the panel. */
export function passOnWebSockets(app: App, options: UpgradeOptions): void {
  const { front, handshakeMs, stallMs } = options
  const readClient = createClientReader(options.trustProxy)
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: largestMessage,
    closeTimeout,
    perMessageDeflate: false,
    autoPong: false,
  } as ConstructorParameters<typeof WebSocketServer>[0])
  let open = 0
  let draining = false

  const accept = (request: IncomingMessage, socket: Socket, head: Buffer): void => {
    // A client that has left has no address any more.
    if (socket.remoteAddress === undefined) return void socket.destroy()
    const refuse = (detail: string) => hangUp(socket, 503, front.api.errorBody(detail))
    if (draining) return void refuse('The service is stopping; ask again later.')
    if (open >= mostAtOnce) return void refuse('There are too many WebSockets; ask again later.')
    const client = readClient(request)
    const { encoded: target } = parseTarget(request.url ?? '')
    server.handleUpgrade(request, socket, head, (webSocket) => {
      const all = headersForPanel({ ...client, method: 'GET', headers: request.headers })
      // The handshake with the panel writes its own.
      const headers = Object.fromEntries(
        Object.entries(all).filter(([name]) => !name.startsWith('sec-websocket-')),
      )
      const protocols = webSocket.protocol === '' ? [] : [webSocket.protocol]
      const panel = front.panel.openSocket({ target, headers, protocols })
      open += 1
      const line = { address: client.ip, path: target.split('?', 1)[0] }
      relay(webSocket, panel, {
        handshakeMs,
        stallMs,
        onEnd: (code) => {
          open -= 1
          app.log.debug({ ...line, code }, 'a WebSocket ended')
        },
      })
    })
  }

  app.server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    // For its whole life: an error without a listener ends the process.
    socket.on('error', () => {})
    try {
      accept(request, socket, head)
    } catch (error) {
      app.log.error({ err: error }, 'a WebSocket could not be passed on')
      socket.destroy()
    }
  })
  app.addHook('preClose', async () => {
    draining = true
    for (const client of server.clients) client.close(1001, 'The service is stopping.')
  })
}

/** Answers a request that Node no longer answers, and hangs up. */
function hangUp(socket: Socket, status: number, json: object): void {
  const body = JSON.stringify(json)
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'connection: close',
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    'retry-after: 5',
  ]
  socket.once('finish', () => socket.destroy())
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}
