import type { FastifyReply, FastifyRequest } from 'fastify'
import { LedgerError } from '../../errors.ts'
import type { Front } from '../../work/front/front.ts'
import type { App } from '../app-type.ts'
import { problemOf } from '../problem/problem.ts'
import { isGone } from '../server/gone-clients.ts'
import { overloaded, refuseUnlessOnlyDatabase } from '../server/overloaded.ts'
import { parseTarget, type Target } from '../server/target.ts'
import { headersForClient, headersForPanel } from './headers.ts'
import { passOn } from './pass-on.ts'
import { announcesBody, type Received, receiveBody, smallBody } from './receive-body.ts'
import { refuseKeyInBody, refuseKeys } from './refuse-keys.ts'
import { createUploadPools, type UploadPools } from './upload-pools.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The target of a request for the panel; set on every route of the front. */
    target: Target
  }
  interface FastifyContextConfig {
    /** Set where the panel answers: whether a path may hold a secret that no log shows. */
    isSecretPath?: (path: string) => boolean
  }
}

export type FrontOptions = {
  front: Front
  /** The paths that are passed on to the panel, each with everything below it. */
  prefixes: readonly string[]
}

type GuardedCall = NonNullable<ReturnType<Front['guarded']>>

const methods = ['DELETE', 'GET', 'HEAD', 'PATCH', 'POST', 'PUT', 'OPTIONS']

/**
 * Passes requests on to the panel and its answers back, but none with an API key. A call that would lose bytes goes through {@link Front.handle}.
 * Failures get the panel's form. WebSockets: see upgrades.ts.
 */
export async function frontRoutes(app: App, { front, prefixes }: FrontOptions): Promise<void> {
  const uploads = createUploadPools(front)
  app.setErrorHandler((error, request, reply) => answerInPanelsForm(front, error, request, reply))
  app.addHook('onRequest', async (request) => {
    refuseKeys(request.raw, app.keys)
    request.target = parseTarget(request.raw.url ?? '')
  })
  // A body is read later: where its caller and its size limit are known.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
  for (const url of prefixes.flatMap((prefix) => [prefix, `${prefix}/*`])) {
    app.route({
      url,
      method: methods,
      // The panel's API has its own document.
      schema: { hide: true },
      // The panel's pages have their own policy.
      config: {
        isSecretPath: front.api.isSecretPath,
        helmet: { skipRoute: true },
        // The panel decides itself which pages may call it.
        cors: false,
        pressureHandler: refuseUnlessOnlyDatabase,
      },
      handler: async (request, reply) => {
        refuseUpgrade(request, reply)
        const call = front.guarded(request.method, request.target.path)
        return call
          ? answerGuarded(front, uploads, call, request, reply)
          : passOn(front, uploads, request, reply)
      },
    })
  }
}

/** A client that wants a WebSocket wants nothing else: its request is never carried out as a plain one. */
function refuseUpgrade({ headers }: FastifyRequest, reply: FastifyReply): void {
  if (headers.upgrade?.toLowerCase() !== 'websocket') return
  reply.header('connection', 'close')
  throw new LedgerError('not_found', 'The panel has no WebSocket here.')
}

async function answerGuarded(
  front: Front,
  uploads: UploadPools,
  call: GuardedCall,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  if (request.server.isUnderPressure()) throw overloaded()
  const preserveTraffic = readPreserveTraffic(request.target)
  const gone = new AbortController()
  reply.raw.on('close', () => gone.abort())
  const headers = headersForPanel(request)
  delete headers['content-length']
  const token = front.api.tokenOf(headers)
  const { body, sent } = await receiveFromCaller(front, uploads, request, token)
  try {
    const { method, target } = request
    await front.refuse({ method, path: target.path, headers, body }, token)
    refuseKeyInBody(body, request.server.keys)
    const answer = await front.handle(call, {
      request: {
        method: request.method as 'DELETE' | 'POST' | 'PUT',
        target: request.target.encoded,
        headers,
        body,
      },
      token,
      gone: gone.signal,
      preserveTraffic,
    })
    const answered = headersForClient(answer.headers, front.panel, request.host)
    return reply.code(answer.status).headers(answered).send(answer.body)
  } finally {
    sent()
  }
}

/**
 * Receives the body of a guarded call: none, or a small one. A stranger's body is received and dropped, since the panel
 * refuses the call: only a complete request is carried out.
 */
async function receiveFromCaller(
  front: Front,
  uploads: UploadPools,
  { raw, ip }: FastifyRequest,
  token: string | null,
): Promise<Received> {
  const isKnown = announcesBody(raw) && (await front.callerOf(token)) !== null
  const received = await receiveBody(raw, { ...uploads.of(ip, token), most: smallBody })
  if (isKnown) return received
  received.sent()
  return { body: null, sent: () => {} }
}

/**
 * `preserve_traffic` of the query; true when it is left out. It is passed on with the rest: the panel has no such parameter
 * and ignores it.
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

function answerInPanelsForm(
  { api }: Front,
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const { problem, headers } = problemOf(error, request.id)
  const { status, detail } = problem
  // What failed because nobody is there to take the answer has a line of its own.
  if (!isGone(reply)) {
    if (status === 500) request.log.error({ err: error }, 'a request failed unexpectedly')
    else if (status > 500) request.log.warn({ err: error }, 'a request could not be passed on')
  }
  return reply.code(status).headers(headers).type('application/json').send(api.errorBody(detail))
}
