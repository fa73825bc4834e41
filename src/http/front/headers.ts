import { type IncomingHttpHeaders, validateHeaderName, validateHeaderValue } from 'node:http'

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

/** Headers that this service answers itself, or writes itself. */
const notPassedOn = [
  'expect',
  'host',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
]

/** Secrets between the caller and this service. The panel must not see them. */
const ours = ['x-api-key', 'x-webhook-secret']

/** Headers with the panel's own address and port. */
const ofPanelsAddress = ['alt-svc']

export type Headers = Record<string, string | string[]>

/** The parts of a request that its headers for the panel are made of. */
export type Incoming = {
  method: string
  headers: IncomingHttpHeaders
  ip: string
  /** The client and the proxies between, the nearest first. */
  ips?: string[] | undefined
  protocol: string
  /** The host in the client's request: the panel builds the links of subscriptions from it. */
  host: string
}

/** The headers of `request` for the panel, with the client's address (see TRUST_PROXY). */
export function headersForPanel(request: Incoming): Headers {
  const headers = endToEnd(request.headers, [...notPassedOn, ...ours])
  if (request.method === 'GET' || request.method === 'HEAD') delete headers['content-length']
  headers['x-forwarded-for'] = request.ips?.toReversed().join(', ') ?? request.ip
  headers['x-forwarded-proto'] = request.protocol
  if (request.host) {
    headers.host = request.host
    headers['x-forwarded-host'] = request.host
  }
  return headers
}

/**
 * The headers of the panel's answer for the client. A redirect within the panel stays at this address.
 *
 * @param host the host in the client's request. The panel takes it for its own.
 */
export function headersForClient(
  headers: IncomingHttpHeaders,
  panel: { origin: string; basePath: string },
  host: string,
): Headers {
  const answer = Object.fromEntries(Object.entries(endToEnd(headers, ofPanelsAddress)).filter(isSendable))
  const { location } = answer
  if (typeof location === 'string') answer.location = here(location, panel, host)
  return answer
}

/** Node reads some headers that it refuses to write. */
function isSendable([name, value]: [string, string | string[]]): boolean {
  try {
    validateHeaderName(name)
    for (const one of [value].flat()) validateHeaderValue(name, one)
    return true
  } catch {
    return false
  }
}

function endToEnd(headers: IncomingHttpHeaders, without: readonly string[]): Headers {
  const named = (headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase())
  const dropped = new Set([...hopByHop, ...without, ...named])
  const kept = Object.entries(headers).filter(
    (entry): entry is [string, string | string[]] => entry[1] !== undefined && !dropped.has(entry[0]),
  )
  return Object.fromEntries(kept)
}

/** The panel writes the address that it knows. A target within the panel becomes a path. */
function here(location: string, panel: { origin: string; basePath: string }, host: string): string {
  const base = `${panel.origin}${panel.basePath}/`
  if (!URL.canParse(location, base)) return location
  const target = new URL(location, base)
  const isWithin =
    [new URL(panel.origin).host, host].includes(target.host) &&
    `${target.pathname}/`.startsWith(`${panel.basePath}/`)
  const isRelative = !location.startsWith('/') && !URL.canParse(location)
  if (!isWithin || isRelative) return location
  return `${target.pathname.slice(panel.basePath.length)}${target.search}${target.hash}` || '/'
}
