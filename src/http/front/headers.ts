import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyRequest } from 'fastify'

/** The headers of one connection, which say nothing on the next (RFC 9110, section 7.6.1). */
const hopByHop = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]

/** What this service answers or says anew. */
const notPassedOn = [
  'expect',
  'host',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
]

export type Headers = Record<string, string | string[]>

/** The headers of `request` as the panel gets them: with the client's address as far as it is believed (TRUST_PROXY). */
export function headersForPanel(request: FastifyRequest): Headers {
  const headers = endToEnd(request.headers, notPassedOn)
  if (request.method === 'GET' || request.method === 'HEAD') delete headers['content-length']
  headers['x-forwarded-for'] = request.ips?.toReversed().join(', ') ?? request.ip
  headers['x-forwarded-proto'] = request.protocol
  if (request.host) headers['x-forwarded-host'] = request.host
  return headers
}

/** The token that the panel reads from the headers that it gets: all that follows the first space; null: there is none. */
export function panelTokenOf({ authorization }: Headers): string | null {
  return typeof authorization === 'string' ? (/^bearer (.*)$/i.exec(authorization)?.[1] ?? null) : null
}

/** The headers of the panel's answer as the client gets them: a redirect within the panel stays at this address. */
export function headersForClient(
  headers: IncomingHttpHeaders,
  panel: { origin: string; basePath: string },
): Headers {
  const answer = endToEnd(headers, [])
  const { location } = answer
  if (typeof location === 'string') answer.location = here(location, panel)
  return answer
}

function endToEnd(headers: IncomingHttpHeaders, without: readonly string[]): Headers {
  const named = (headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase())
  const dropped = new Set([...hopByHop, ...without, ...named])
  const kept = Object.entries(headers).filter(
    (entry): entry is [string, string | string[]] => entry[1] !== undefined && !dropped.has(entry[0]),
  )
  return Object.fromEntries(kept)
}

/** The panel writes its own address, as it knows it; what is within it is named by its path. */
function here(location: string, panel: { origin: string; basePath: string }): string {
  const base = `${panel.origin}${panel.basePath}/`
  if (!URL.canParse(location, base)) return location
  const target = new URL(location, base)
  const isWithin =
    target.host === new URL(panel.origin).host && `${target.pathname}/`.startsWith(`${panel.basePath}/`)
  const isRelative = !location.startsWith('/') && !URL.canParse(location)
  if (!isWithin || isRelative) return location
  return `${target.pathname.slice(panel.basePath.length)}${target.search}${target.hash}` || '/'
}
