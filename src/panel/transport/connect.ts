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
    connect(isIP(hostname) ? others : { ...others, servername: hostname }, callback)
  }
}
