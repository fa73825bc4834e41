import { isIP } from 'node:net'
import { WebSocket } from 'ws'
import type { SocketToOpen } from '../panel.ts'
import { hostnameOf, type PanelAddress } from './address.ts'

/** Bytes of one message; the panel sends what its core logged in some seconds. */
const largestMessage = 4 * 1024 * 1024
/** Milliseconds the panel gets to close the WebSocket. */
const closeTimeout = 1_000

/**
 * Begins to open a WebSocket to the panel. Its errors are handled here and throw nothing: each ends in its `close` event.
 */
export function openPanelSocket(
  { origin, basePath }: PanelAddress,
  { target, headers, protocols }: SocketToOpen,
): WebSocket {
  const hostname = hostnameOf(origin)
  const options = {
    headers,
    // TLS checks the panel's host, not the host that the caller names.
    servername: isIP(hostname) ? '' : hostname,
    maxPayload: largestMessage,
    closeTimeout,
    followRedirects: false,
    perMessageDeflate: false,
    // Pings are passed on, and the client answers them.
    autoPong: false,
  }
  const socket = new WebSocket(origin + basePath + target, protocols, options)
  socket.on('error', () => {})
  return socket
}
