import httpProxy from '@fastify/http-proxy'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { isLedgerError, LedgerError } from '../../errors.ts'
import type { Front } from '../../work/front/front.ts'
import type { GuardedCall } from '../../work/front/guarded-call.ts'
import { Overloaded, refuseUnlessOnlyDatabase } from '../overloaded.ts'
import { problemOf } from '../problem.ts'
import type { App } from '../types.ts'
import { limitBody, readBody } from './body.ts'
import { headersForClient, headersForPanel, panelTokenOf } from './headers.ts'
import { parseTarget, type Target } from './target.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Where a request for the panel goes; set on every route of the front. */
    target: Target
  }
  interface FastifyContextConfig {
    /** Whether the panel answers here. */
    isPassedOn?: true
  }
}

export type FrontOptions = {
  front: Front
  /** What is passed on to the panel: `/api` and everything below it. */
  prefixes: readonly string[]
}

/** Milliseconds the other end of a WebSocket gets to say goodbye. */
const closeTimeout = 1_000

/**
 * Passes requests on to the panel and its answers back, bodies streamed, WebSockets included; what would lose bytes goes
 * through {@link Front.handle}. Failures are answered in the panel's form, `{"detail": "..."}`.
 */
export async function frontRoutes(app: App, { front, prefixes }: FrontOptions): Promise<void> {
  const { panel } = front
  app.setErrorHandler(answerInPanelsForm)
  app.addHook('onRequest', async (request) => {
    request.target = parseTarget(request.raw.url ?? '')
  })
  app.addHook('onRoute', (route) => {
    // It is the panel's API, which has a document of its own.
    route.schema = { ...route.schema, hide: true }
  })
  app.addHook('preParsing', async (request, _reply, payload) => limitBody(request, payload))
  const clientOptions = { closeTimeout, followRedirects: false, perMessageDeflate: false }
  app.register(httpProxy, {
    upstream: panel.origin,
    rewritePrefix: panel.basePath || '/',
    routes: prefixes.flatMap((prefix) => [prefix, `${prefix}/*`]),
    undici: { request: panel.request as never },
    disableRequestLogging: true,
    internalRewriteLocationHeader: false,
    // The panel's pages have a policy of their own.
    config: { isPassedOn: true, helmet: { skipRoute: true }, pressureHandler: refuseUnlessOnlyDatabase },
    websocket: true,
    wsServerOptions: { closeTimeout } as object,
    wsClientOptions: {
      ...clientOptions,
      rewriteRequestHeaders: (_headers: unknown, request: FastifyRequest) => forWebSocket(request),
    } as object,
    handler: async (request, reply, path) => {
      const call = front.guarded(request.method, request.target.path)
      return call ? answerGuarded(front, call, request, reply) : passOn(front, path, request, reply)
    },
  })
}

function passOn({ panel }: Front, path: string, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const isRead = request.method === 'GET' || request.method === 'HEAD'
  try {
    return reply.from(path, {
      rewriteRequestHeaders: () => headersForPanel(request),
      rewriteHeaders: (headers) => headersForClient(headers, panel),
      // A kept connection may have ended meanwhile.
      retryDelay: ({ err, attempt }) =>
        isRead && attempt === 0 && isLedgerError(err, 'panel_unreachable') ? 1 : null,
      onError: (failed, { error }) => void failed.send(error.cause ?? error),
    })
  } catch (error) {
    const isRefused = error instanceof Error && 'statusCode' in error && error.statusCode === 400
    throw isRefused ? new LedgerError('invalid_request', 'The path holds "../" or "/..".') : error
  }
}

async function answerGuarded(
  front: Front,
  call: GuardedCall,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  if (request.server.isUnderPressure()) throw new Overloaded()
  const preserveTraffic = readPreserveTraffic(request.target)
  const gone = new AbortController()
  reply.raw.on('close', () => gone.abort())
  const headers = headersForPanel(request)
  delete headers['content-length']
  const answer = await front.handle(call, {
    request: {
      method: request.method as 'DELETE' | 'POST' | 'PUT',
      target: request.target.encoded,
      headers,
      body: await readBody(request),
    },
    token: panelTokenOf(headers),
    gone: gone.signal,
    preserveTraffic,
  })
  return reply.code(answer.status).headers(headersForClient(answer.headers, front.panel)).send(answer.body)
}

/**
 * `preserve_traffic` of the query, which no call of the panel has; true when it is left out. It is passed on with the rest:
 * the panel ignores what it does not know.
 *
 * @throws `invalid_request` for any other value, and when it is given twice.
 */
function readPreserveTraffic({ encoded }: Target): boolean {
  const query = new URLSearchParams(encoded.split('?').slice(1).join('?'))
  const [given = 'true', ...others] = query.getAll('preserve_traffic')
  if (others.length === 0 && (given === 'true' || given === 'false')) return given === 'true'
  throw new LedgerError('invalid_request', 'preserve_traffic must be true or false, and be given once.', {
    field: 'preserve_traffic',
  })
}

/** Headers that a WebSocket's handshake makes itself are left out. */
function forWebSocket(request: FastifyRequest): Record<string, string | string[]> {
  const headers = Object.entries(headersForPanel(request))
  return Object.fromEntries(headers.filter(([name]) => !name.startsWith('sec-websocket-')))
}

function answerInPanelsForm(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { problem, headers } = problemOf(error, request.id)
  const { status, detail } = problem
  if (status === 500) request.log.error({ err: error }, 'a request failed unexpectedly')
  else if (status > 500) request.log.warn({ err: error }, 'a request could not be passed on')
  return reply.code(status).headers(headers).type('application/json').send({ detail })
}
