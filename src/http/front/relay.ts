import type { RawData, WebSocket } from 'ws'

export type RelayOptions = {
  /** How long the panel may take to accept or refuse the WebSocket, in milliseconds. */
  handshakeMs: number
  /** How long one end may read nothing of the other's messages, in milliseconds. */
  stallMs: number
  /** Called once, with the close code of the panel's end. */
  onEnd: (code: number) => void
}

/** Sends one message, ping or pong, and calls `done` when it is on its way. */
type Send = (to: WebSocket, done: () => void) => void

/**
 * Passes messages, pings and pongs between a client and the panel, no faster than the other end reads them, until one end
 * closes or disappears.
 *
 * @param client an open WebSocket.
 * @param panel a WebSocket that is still opening.
 */
export function relay(client: WebSocket, panel: WebSocket, options: RelayOptions): void {
  const { handshakeMs, stallMs, onEnd } = options
  let isOpen = false
  const late = setTimeout(() => panel.terminate(), handshakeMs)
  panel.once('open', () => {
    isOpen = true
    clearTimeout(late)
  })

  // A close follows each error and says enough. The messages of errors can name the panel.
  client.on('error', () => panel.terminate())
  panel.on('error', () => {})
  client.once('close', (code, reason) => end(panel, code, reason))
  panel.once('close', (code, reason) => {
    clearTimeout(late)
    if (isOpen) end(client, code, reason)
    else client.close(1011, 'The panel did not take the WebSocket.')
    onEnd(code)
  })
  const cut = () => {
    client.terminate()
    panel.terminate()
  }
  pump(client, panel, stallMs, cut)
  pump(panel, client, stallMs, cut)
}

/** Passes on the messages of `from`, and reads them only while `to` keeps up. */
function pump(from: WebSocket, to: WebSocket, stallMs: number, onStall: () => void): void {
  let underWay = 0
  let stalled: NodeJS.Timeout | undefined
  const early: Send[] = []

  const done = () => {
    underWay -= 1
    if (underWay > 0) return
    clearTimeout(stalled)
    from.resume()
  }
  const pass = (send: Send): void => {
    if (to.readyState === to.CLOSING || to.readyState === to.CLOSED) return
    if (underWay === 0) {
      from.pause()
      stalled = setTimeout(onStall, stallMs)
    }
    underWay += 1
    if (to.readyState === to.CONNECTING) early.push(send)
    else send(to, done)
  }
  to.once('open', () => {
    for (const send of early.splice(0)) send(to, done)
  })
  to.once('close', () => clearTimeout(stalled))

  from.on('message', (data: RawData, binary: boolean) =>
    pass((other, sent) => other.send(data, { binary }, sent)),
  )
  from.on('ping', (data: Buffer) => pass((other, sent) => other.ping(data, undefined, sent)))
  from.on('pong', (data: Buffer) => pass((other, sent) => other.pong(data, undefined, sent)))
}

/** Closes one end like the other. An end that disappeared has given no code. */
function end(socket: WebSocket, code: number, reason: Buffer): void {
  if (socket.readyState === socket.CONNECTING) socket.terminate()
  else if (code === 1005) socket.close()
  else if (code === 1006) socket.close(1011, 'The other end is gone.')
  else socket.close(code, reason)
}
