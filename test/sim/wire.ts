import { LedgerError } from '../../src/errors.ts'
import { createPanelClient } from '../../src/panel/marzban/client.ts'
import type { ForwardedAnswer, Forwarder, PanelClient } from '../../src/panel/panel.ts'
import { networkError } from '../../src/panel/transport/network-errors.ts'
import type { Transport } from '../../src/panel/transport/transport.ts'
import type { Reply, Request } from './exchange.ts'
import { foreignReply } from './foreign.ts'
import type { VirtualPanel } from './panel.ts'
import { answer, environment, type Told } from './panel-api.ts'
import type { Fault, Gate, Operation } from './point.ts'

/** Milliseconds after which the panel client gives a call up. */
export const timeoutMs = 10_000
/** For how long the panel may act on what it has not answered: nothing is sent again to a name until then. */
export const graceMs = 2 * timeoutMs

/** The panel as one operation reaches it. */
export type Wire = {
  panel: VirtualPanel
  operation: Operation
  gate: Gate
  told: Told
  /** Time passes while nothing is answered. */
  hang: () => Promise<void>
  /** Told of each request that may reach the panel, and when nobody waits for its answer any more. */
  onSent: (request: Request) => void
  onOver: (request: Request) => void
  /** What is told of a request that the panel carries out when nobody waits for it any more. */
  late: () => Pick<Told, 'samples' | 'before' | 'by' | 'isLate'>
}

const brokenConnection = Object.assign(new Error('the connection broke'), { code: 'UND_ERR_SOCKET' })

/** Sends a request: it stops before the panel acts, and before its answer arrives. */
async function send(wire: Wire, request: Request): Promise<Reply> {
  try {
    return await exchange(wire, request)
  } finally {
    wire.onOver(request)
  }
}

async function exchange(wire: Wire, request: Request): Promise<Reply> {
  const { panel, operation, gate } = wire
  const at = { operation, label: `${request.method} ${request.path}`, line: null }
  const act = () => answer(panel, request, wire.told)
  // Nobody is told any more.
  const later = () => answer(panel, request, { ...wire.told, ...wire.late() })
  const goWrong = async (fault: Fault, acted: boolean): Promise<Reply> => {
    if (!acted && (fault === 'after' || fault === 'hang after')) await act()
    const foreign = foreignReply(fault)
    if (foreign) return foreign
    const failed = { host: 'panel', what: at.label, limit: 'simulated' }
    if (foreign === null) throw networkError(brokenConnection, { ...failed, begun: true })
    // A connection that breaks before the answer begins looks the same as one that is refused.
    if (fault === 'before') throw networkError(brokenConnection, { ...failed, begun: false })
    if (fault === 'after') return { status: 500, contentType: 'text/plain', text: 'Internal Server Error' }
    panel.leaveUnanswered(request, fault === 'late' && !acted ? later : null)
    await wire.hang()
    throw new LedgerError('panel_timeout', 'The simulated panel does not answer.')
  }
  const reply = await gate.arrive({
    ...at,
    kind: 'request',
    perform: () => {
      wire.onSent(request)
      return panel.isSilentAbout(request) ? goWrong('hang before', false) : act()
    },
    goWrong: (fault) => {
      if (fault !== 'before') wire.onSent(request)
      return goWrong(fault, false)
    },
    leave: () => {
      wire.onSent(request)
      panel.leaveUnanswered(request, later)
    },
  })
  return gate.arrive({
    ...at,
    kind: 'answer',
    perform: async () => reply,
    goWrong: (fault) => goWrong(fault, true),
  })
}

/** The service's own client of the panel, over this wire. */
export function clientOver(wire: Wire): PanelClient {
  const transport: Transport = {
    exchange: async ({ method, path, query, json }, bearer) => {
      const asked = { method, path, query: new URLSearchParams(query), as: bearer ?? environment }
      const request = { ...asked, ...(json !== undefined && { json }) }
      // Logging in changes nothing, and takes no time.
      const reply =
        path === '/api/admin/token' ? await answer(wire.panel, request, wire.told) : await send(wire, request)
      return { ...reply, location: undefined, date: reply.date ?? null }
    },
    closed: () => false,
    close: async () => {},
  }
  return createPanelClient({
    url: 'http://panel',
    username: environment,
    password: 'password',
    timeoutMs,
    transport,
    sleep: async () => {},
    random: () => 0,
    now: () => wire.panel.now,
  })
}

/** The panel's own API as the front forwards calls to it. */
export function forwarderOver(wire: Wire, as: string): Forwarder {
  return {
    origin: 'http://panel',
    basePath: '',
    forward: async ({ method, target, body }): Promise<ForwardedAnswer> => {
      const { pathname, searchParams } = new URL(target, 'http://panel')
      const { status, contentType, text } = await send(wire, {
        method,
        path: pathname,
        query: searchParams,
        as,
        ...(body !== null && { json: body.toString() }),
      })
      return { status, headers: { 'content-type': contentType }, body: Buffer.from(text) }
    },
    open: () => {
      throw new Error('the simulator streams nothing')
    },
    openSocket: () => {
      throw new Error('the simulator streams nothing')
    },
    close: async () => {},
  }
}
