import type { IncomingMessage } from 'node:http'
import { TLSSocket } from 'node:tls'
import proxyAddr from '@fastify/proxy-addr'

/** The client of a request, read as Fastify reads it with `trustProxy`. */
export type Client = {
  ip: string
  /** The nearest first, the client last. */
  ips: string[]
  protocol: string
  /** The host in the client's request; empty: none. */
  host: string
}

/**
 * Reads the client of a request that becomes a WebSocket: those do not reach Fastify's routes.
 *
 * @param trustProxy the proxies whose X-Forwarded headers count.
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
