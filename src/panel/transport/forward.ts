import type { Readable } from 'node:stream'
import { type Dispatcher, Pool } from 'undici'
import { isLedgerError, LedgerError } from '../../errors.ts'
import type { Forwarded, ForwardedAnswer, Forwarder, OpenAnswer, PassedOn } from '../panel.ts'
import { hostnameOf, parsePanelAddress } from './address.ts'
import { connectorTo } from './connect.ts'
import { decompress, isCompressed } from './decompress.ts'
import { networkError } from './network-errors.ts'
import { openPanelSocket } from './socket.ts'
import { withStartListener } from './start-listener.ts'
import type { TrustedCertificates } from './trusted-certificates.ts'
import { createTurns, type Turns } from './turns.ts'

export type ForwarderOptions = {
  url: string
  /** Left out: those that this machine trusts. */
  trusted?: TrustedCertificates | undefined
  /** Milliseconds the panel gets to accept a connection, and to open a WebSocket. */
  connectTimeoutMs: number
  /** Milliseconds the panel gets to begin its answer, and between two pieces of it. */
  answerTimeoutMs?: number
  /** Upper bound of connections at the same time, of each of the two kinds. */
  connections?: number
  /** Milliseconds a request waits for one of them. */
  waitMs?: number
}

/** The answer to a call that changes something is a sentence or a list of names. */
const maxAnswerBytes = 32 * 1024 * 1024

/** The panel takes most of a minute to list ten thousand users, and its own clients wait for that. */
const usualAnswerTimeoutMs = 5 * 60_000

/** The connections of one kind, and the turns to use them. */
type Lane = { pool: Pool; turns: Turns }

/** Sends requests of callers to the panel as they are, and gives its answers back as they are. */
export function createForwarder(options: ForwarderOptions): Forwarder {
  const { url, trusted, connectTimeoutMs, answerTimeoutMs = usualAnswerTimeoutMs } = options
  const { connections = 128, waitMs = 10_000 } = options
  const address = parsePanelAddress(url)
  const servername = hostnameOf(address.origin)
  const settings: Pool.Options = {
    connections,
    connect: connectorTo(address, { timeoutMs: connectTimeoutMs, trusted }),
    headersTimeout: answerTimeoutMs,
    bodyTimeout: answerTimeoutMs,
  }
  const kept: Lane = {
    pool: new Pool(address.origin, settings),
    turns: createTurns({ atOnce: connections, waitMs }),
  }
  // Each request has a connection of its own: after some answers the panel drops the connection, and a request that is not
  // repeated must not meet such a connection.
  const single: Lane = {
    pool: new Pool(address.origin, { ...settings, pipelining: 0, maxResponseSize: maxAnswerBytes }),
    turns: createTurns({ atOnce: connections, waitMs }),
  }

  const name = (
    error: unknown,
    what: string,
    at: { begun: boolean; unsent?: boolean },
    timeoutMs: number,
  ): LedgerError =>
    isLedgerError(error)
      ? error
      : networkError(error, { host: address.host, what, limit: `${timeoutMs / 1000} s`, ...at })

  const send = async (
    pool: Dispatcher,
    request: PassedOn & { answerTimeoutMs?: number },
    signal?: AbortSignal,
  ) => {
    const response = await pool.request({
      method: request.method as Dispatcher.HttpMethod,
      path: address.basePath + request.target,
      headers: request.headers,
      body: request.body,
      headersTimeout: request.answerTimeoutMs ?? answerTimeoutMs,
      signal: signal ?? null,
      // TLS checks the panel's host, not the host that the caller names.
      servername,
    } as Dispatcher.RequestOptions)
    // Without a listener, an answer that breaks off before it is read would end the process.
    response.body.on('error', () => {})
    if (response.statusCode <= 599) return response
    response.body.destroy()
    throw new LedgerError(
      'panel_bad_answer',
      `The status of the panel's answer is not one of HTTP: ${response.statusCode}.`,
    )
  }

  const openOnce = async (request: PassedOn, signal: AbortSignal): Promise<OpenAnswer> => {
    const lane = isRead(request.method) ? kept : single
    const turn = await lane.turns.take(signal)
    try {
      const { statusCode: status, headers, body } = await send(lane.pool, request, signal)
      releaseWith(body, turn)
      return { status, headers, body }
    } catch (error) {
      turn.end()
      // The path may be a subscription's secret link: the message does not repeat it.
      throw name(error, `a forwarded ${request.method} request`, { begun: false }, answerTimeoutMs)
    }
  }

  return {
    origin: address.origin,
    basePath: address.basePath,
    async forward(request: Forwarded): Promise<ForwardedAnswer> {
      const what = `${request.method} ${request.target.split('?', 1)[0]}`
      const timeoutMs = request.answerTimeoutMs ?? answerTimeoutMs
      const turn = await single.turns.take()
      const at = { begun: false, unsent: true }
      const pool = withStartListener(single.pool, () => {
        at.unsent = false
      })
      try {
        const response = await send(pool, request)
        at.begun = true
        const body = Buffer.from(await response.body.arrayBuffer())
        const { statusCode: status, headers } = response
        return { status, headers, body, plain: await plainOf(body, headers) }
      } catch (error) {
        throw name(error, what, at, timeoutMs)
      } finally {
        turn.end()
      }
    },
    async open(request, signal) {
      try {
        return await openOnce(request, signal)
      } catch (error) {
        const isRepeatable = isRead(request.method) && isLedgerError(error, 'panel_unreachable')
        if (!isRepeatable || signal.aborted) throw error
        // The panel may have closed a kept connection meanwhile.
        return openOnce(request, signal)
      }
    },
    openSocket: (request) => openPanelSocket(address, request, trusted),
    close: async () => {
      await Promise.all([kept.pool.destroy(), single.pool.destroy()])
    },
  }
}

/** Ends the turn when the answer has been read, or when its reader has given up. */
function releaseWith(body: Readable, turn: Awaited<ReturnType<Turns['take']>>): void {
  body.once('close', () => turn.end())
  turn.mayBeCut(() => body.destroy(Object.assign(new Error('others wait'), { code: 'CUT_FOR_OTHERS' })))
}

function isRead(method: string): boolean {
  return method === 'GET' || method === 'HEAD'
}

/** A compressed answer is passed on as it came, and judged by what it says. One that cannot be read says nothing. */
async function plainOf(body: Buffer, headers: ForwardedAnswer['headers']): Promise<Buffer> {
  if (!isCompressed(headers)) return body
  return decompress(body, headers, maxAnswerBytes).catch(() => Buffer.alloc(0))
}
