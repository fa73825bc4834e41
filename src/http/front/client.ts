import type { IncomingMessage } from 'node:http'
import { TLSSocket } from 'node:tls'
import proxyAddr from '@fastify/proxy-addr'

/** What a request says of its client, as far as that is believed: what Fastify makes of `trustProxy`. */
export type Client = {
  ip: string
  /** The nearest first, the client last. */
  ips: string[]
  protocol: string
  /** The host that the client asked for; empty: it named none. */
  host: string
}

/**
 * Reads the client of requests that do not come through Fastify's routes: those that become a WebSocket.
 *
 * @param trustProxy whose X-Forwarded headers are believed.
 */
export function createClientReader(trustProxy: boolean | string[]): (request: IncomingMessage) => Client {
  const trusts = typeof trustProxy === 'boolean' ? () => trustProxy : proxyAddr.compile(trustProxy)
  return (request) => {
    const { socket, headers } = request
    const ips = proxyAddr.all(request, trusts)
    const isForwarded = trusts(socket.remoteAddress ?? '', 0)
    const forwarded = (name: string) => (isForwarded ? lastOf(headers[name]) : undefined)
    return {
      ip: ips.at(-1) ?? '',
      ips,
      protocol: forwarded('x-forwarded-proto') ?? (socket instanceof TLSSocket ? 'https' : 'http'),
      host: forwarded('x-forwarded-host') ?? headers.host ?? '',
    }
  }
}

/** The entry of the nearest proxy. */
function lastOf(header: string | string[] | undefined): string | undefined {
  const last = [header].flat().join(',').split(',').at(-1)?.trim()
  return last === '' ? undefined : last
}
