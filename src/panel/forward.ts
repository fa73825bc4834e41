import { type Dispatcher, Pool } from 'undici'
import { isLedgerError, type LedgerError } from '../errors.ts'
import { parsePanelAddress } from './address.ts'
import { nameFailure } from './failure.ts'
import type { Forwarded, ForwardedAnswer, Forwarder } from './types.ts'

export type ForwarderOptions = {
  url: string
  /** Milliseconds the panel gets to accept a connection. */
  connectTimeoutMs: number
  /** Milliseconds the panel gets to begin its answer, and between two pieces of it. */
  answerTimeoutMs?: number
  /** Upper bound of connections at the same time, of each of the two kinds. */
  connections?: number
}

/** An answer to a call that changes something is a sentence or a list of names. */
const maxAnswerBytes = 32 * 1024 * 1024

/** A list of ten thousand users takes the panel most of a minute, and its own clients wait for it. */
const usualAnswerTimeoutMs = 5 * 60_000

/** Sends requests of callers to the panel as they are, and gives its answers back as they are. */
export function createForwarder(options: ForwarderOptions): Forwarder {
  const { url, connectTimeoutMs, answerTimeoutMs = usualAnswerTimeoutMs, connections = 128 } = options
  const address = parsePanelAddress(url)
  const settings: Pool.Options = {
    connections,
    connectTimeout: connectTimeoutMs,
    headersTimeout: answerTimeoutMs,
    bodyTimeout: answerTimeoutMs,
    allowH2: false,
  }
  const kept = new Pool(address.origin, settings)
  // A connection of its own for each: after some answers the panel drops the connection, and what is not repeated must not
  // meet one that is about to go.
  const single = new Pool(address.origin, { ...settings, pipelining: 0, maxResponseSize: maxAnswerBytes })

  const name = (
    error: unknown,
    {
      what,
      begun = false,
      timeoutMs = answerTimeoutMs,
    }: { what: string; begun?: boolean; timeoutMs?: number },
  ): LedgerError =>
    isLedgerError(error)
      ? error
      : nameFailure(error, { host: address.host, what, limit: `${timeoutMs / 1000} s`, begun })

  return {
    origin: address.origin,
    basePath: address.basePath,
    async forward(request: Forwarded): Promise<ForwardedAnswer> {
      const path = request.target.split('?', 1)[0]
      const timeoutMs = request.answerTimeoutMs ?? answerTimeoutMs
      let begun = false
      try {
        const response = await single.request({
          method: request.method,
          path: address.basePath + request.target,
          headers: request.headers,
          body: request.body,
          headersTimeout: timeoutMs,
        })
        begun = true
        const body = Buffer.from(await response.body.arrayBuffer())
        return { status: response.statusCode, headers: response.headers, body }
      } catch (error) {
        throw name(error, { what: `${request.method} ${path}`, begun, timeoutMs })
      }
    },
    request(
      request: Dispatcher.RequestOptions,
      answered: (error: Error | null, response: Dispatcher.ResponseData) => void,
    ) {
      const pool = isRead(request.method) ? kept : single
      pool.request(request, (error, response) => {
        // The path may be a subscription's secret link: the message does not repeat it.
        answered(error && name(error, { what: `a ${request.method} request passed on` }), response)
      })
    },
    close: async () => {
      await Promise.all([kept.destroy(), single.destroy()])
    },
  }
}

function isRead(method: string): boolean {
  return method === 'GET' || method === 'HEAD'
}
