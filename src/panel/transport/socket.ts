import { connect as connectTcp, isIP } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { type ClientOptions, WebSocket } from 'ws'
import type { SocketToOpen } from '../panel.ts'
import { hostnameOf, type PanelAddress } from './address.ts'
import type { TrustedCertificates } from './trusted-certificates.ts'

/** Bytes of one message; the panel sends what its core logged in some seconds. */
const largestMessage = 4 * 1024 * 1024
/** Milliseconds the panel gets to close the WebSocket. */
const closeTimeout = 1_000

/**
 * Begins to open a WebSocket to the panel. Its errors are handled here and throw nothing: each ends in its `close` event.
 */
export function openPanelSocket(
  { origin, basePath, socketPath }: PanelAddress,
  { target, headers, protocols }: SocketToOpen,
  trusted?: TrustedCertificates,
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
    ...(socketPath !== null && { createConnection: () => connectTcp(socketPath) }),
    ...(trusted && {
      createConnection: (asked: ConnectionOptions) =>
        connectTls({ ...asked, path: undefined, secureContext: trusted }),
    }),
  } as ClientOptions
  const socket = new WebSocket(origin + basePath + target, protocols, options)
  socket.on('error', () => {})
  return socket
}
