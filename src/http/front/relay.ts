import type { RawData, WebSocket } from 'ws'

export type RelayOptions = {
  /** Milliseconds the panel gets to take or refuse the WebSocket. */
  handshakeMs: number
  /** Milliseconds one end may take nothing of what the other says. */
  stallMs: number
  /** Told once, with the code with which the panel's end closed. */
  onEnd: (code: number) => void
}

/** Sends one message, ping or pong, and says when it is on its way. */
type Send = (to: WebSocket, done: () => void) => void

/**
 * Lets a client and the panel talk: messages, pings and pongs in both directions, no faster than the other end takes them,
 * until one of them closes or goes away.
 *
 * @param client open.
 * @param panel being opened.
 */
export function relay(client: WebSocket, panel: WebSocket, options: RelayOptions): void {
  const { handshakeMs, stallMs, onEnd } = options
  let isOpen = false
  const late = setTimeout(() => panel.terminate(), handshakeMs)
  panel.once('open', () => {
    isOpen = true
    clearTimeout(late)
  })

  // Errors say nothing that the end which follows does not; their messages may name the panel.
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

/** Passes on what `from` says, and listens to it only while `to` keeps up. */
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

/** Closes one end as the other was closed; who just vanished has said no code. */
function end(socket: WebSocket, code: number, reason: Buffer): void {
  if (socket.readyState === socket.CONNECTING) socket.terminate()
  else if (code === 1005) socket.close()
  else if (code === 1006) socket.close(1011, 'The other end is gone.')
  else socket.close(code, reason)
}
