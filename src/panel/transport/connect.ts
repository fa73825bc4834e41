import { isIP } from 'node:net'
import { buildConnector } from 'undici'
import { hostnameOf, type PanelAddress } from './address.ts'
import type { TrustedCertificates } from './trusted-certificates.ts'

export type ConnectorOptions = {
  /** Milliseconds the panel gets to accept a connection. */
  timeoutMs: number
  /** Left out: those that this machine trusts. */
  trusted?: TrustedCertificates | undefined
}

/** Connects with the panel's own name for TLS: undici would use the Host header of the request. */
export function connectorTo(
  { origin, socketPath }: PanelAddress,
  { timeoutMs, trusted }: ConnectorOptions,
): buildConnector.connector {
  const hostname = hostnameOf(origin)
  const connect = buildConnector({
    timeout: timeoutMs,
    // Under HTTP/2 all requests share one connection, and one that is broken breaks them all.
    allowH2: false,
    ...(socketPath !== null && { socketPath }),
    ...(trusted && { secureContext: trusted }),
  })
  return (options, callback) => {
    const { servername: _asked, ...others } = options
    connect(isIP(hostname) ? others : { ...others, servername: hostname }, (...[error, socket]) => {
      if (error) return callback(error, null)
      socket.on('error', renameReset)
      callback(null, socket)
    })
  }
}

/**
 * undici takes an answer without a length for whole when its connection is reset, since some systems reset what they close. It
 * tells a reset by its code. Half a subscription that looks whole is worse than a whole one that has to be asked for again.
 */
function renameReset(error: NodeJS.ErrnoException): void {
  if (error.code === 'ECONNRESET') error.code = 'ECONNABORTED'
}
