import { type Dispatcher, Pool } from 'undici'
import type { PanelAddress } from './address.ts'
import { connectorTo } from './connect.ts'
import { acceptedEncodings, decompress, isCompressed } from './decompress.ts'
import { networkError } from './network-errors.ts'
import { withStartListener } from './start-listener.ts'
import type { TrustedCertificates } from './trusted-certificates.ts'

/** One request to the panel; `path` follows the base path. */
export type PanelRequest = {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  path: string
  query?: Record<string, string> | [string, string][]
  form?: Record<string, string>
  /** The text of a JSON body. */
  json?: string
  /** Sent over a connection that no other request has used or will use. */
  freshConnection?: boolean
  /** Never repeated. */
  once?: boolean
}

/** The whole answer, not checked yet. */
export type PanelAnswer = {
  status: number
  /** `application/json`: in lower case, without parameters; empty when there is none. */
  contentType: string
  location: string | undefined
  /** When the panel answered, by its own clock: milliseconds since 1970; null: it does not say that in the form of HTTP. */
  date: number | null
  text: string
}

/** Sends requests and reads answers. It renews no token and repeats no request. */
export type Transport = {
  /**
   * @param bearer the token to send; null: none.
   * @param signal ends the exchange, also while it waits for a connection.
   * @throws `panel_unreachable`, `panel_timeout`, or `panel_bad_answer` when the answer breaks off or is too large.
   */
  exchange(request: PanelRequest, bearer: string | null, signal: AbortSignal): Promise<PanelAnswer>
  closed(): boolean
  /** Ends all connections; exchanges under way fail. */
  close(): Promise<void>
}

export type TransportOptions = {
  address: PanelAddress
  /** Left out: those that this machine trusts. */
  trusted?: TrustedCertificates | undefined
  /** Milliseconds the panel gets to begin its answer, and between two pieces of it; half of them to be connected to. */
  timeoutMs: number
  /** Upper bound of kept-alive connections, and again of fresh ones. */
  connections: number
  /** Upper bound of an answer's size in bytes, as it is sent and again when it is decompressed. */
  maxAnswerBytes: number
}

export function createTransport(options: TransportOptions): Transport {
  const { address, timeoutMs, maxAnswerBytes } = options
  const settings: Pool.Options = {
    connections: options.connections,
    // A call tries three times to connect before its deadline; see retry.ts.
    connect: connectorTo(address, { timeoutMs: Math.ceil(timeoutMs / 2), trusted: options.trusted }),
    // undici checks these two about once a second; the signal of each exchange ends it to the millisecond.
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    maxResponseSize: maxAnswerBytes,
  }
  const kept = new Pool(address.origin, { ...settings, pipelining: 1 })
  // Without pipelining undici closes each connection after its answer.
  const fresh = new Pool(address.origin, { ...settings, pipelining: 0 })

  return {
    async exchange(request, bearer, signal) {
      const pool = request.freshConnection ? fresh : kept
      let begun = false
      let unsent = true
      const onStart = () => {
        unsent = false
      }
      try {
        const response = await withStartListener(pool, onStart).request({
          ...toWire(address, request, bearer),
          signal,
        })
        begun = true
        return {
          status: response.statusCode,
          contentType: single(response.headers['content-type']).split(';', 1)[0]?.trim().toLowerCase() ?? '',
          location: response.headers.location === undefined ? undefined : single(response.headers.location),
          date: parseDate(single(response.headers.date)),
          // Read for every status: an unread answer keeps its connection.
          text: await textOf(response, maxAnswerBytes),
        }
      } catch (error) {
        throw networkError(error, {
          host: address.host,
          what: describeRequest(request),
          limit: 'MARZBAN_TIMEOUT',
          begun,
          unsent,
        })
      }
    },
    closed: () => kept.destroyed,
    async close() {
      await Promise.all([kept.destroy(), fresh.destroy()])
    },
  }
}

/** A request as messages name it, without its query: `GET /users`. */
export function describeRequest(request: PanelRequest): string {
  return `${request.method} ${request.path}`
}

/** The text of an answer, decompressed. Proxies in front of a panel compress, and some do it unasked. */
async function textOf({ headers, body }: Dispatcher.ResponseData, maxBytes: number): Promise<string> {
  if (!isCompressed(headers)) return body.text()
  const bytes = Buffer.from(await body.arrayBuffer())
  return new TextDecoder().decode(await decompress(bytes, headers, maxBytes))
}

function toWire(address: PanelAddress, request: PanelRequest, bearer: string | null) {
  const query = new URLSearchParams(request.query).toString()
  const headers: Record<string, string> = {
    accept: 'application/json',
    'accept-encoding': acceptedEncodings,
  }
  if (bearer !== null) headers.authorization = `Bearer ${bearer}`
  if (request.form) headers['content-type'] = 'application/x-www-form-urlencoded'
  if (request.json !== undefined) headers['content-type'] = 'application/json'
  return {
    method: request.method,
    path: `${address.basePath}${request.path}${query && `?${query}`}`,
    headers,
    body: request.form ? new URLSearchParams(request.form).toString() : (request.json ?? null),
  }
}

/** `Thu, 26 Nov 2026 10:20:30 GMT`, and nothing else that JavaScript takes for a date. */
function parseDate(header: string): number | null {
  if (!/^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(header)) return null
  const time = Date.parse(header)
  return Number.isNaN(time) ? null : time
}

function single(header: string | string[] | undefined): string {
  return (Array.isArray(header) ? header[0] : header) ?? ''
}
