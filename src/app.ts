import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import helmet from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import underPressure from '@fastify/under-pressure'
import { type FastifyBaseLogger, fastify } from 'fastify'
import type { App, RouteOptions } from './http/app-type.ts'
import { type FrontOptions, frontRoutes } from './http/front/routes.ts'
import { becomesWebSocket, passOnWebSockets } from './http/front/upgrades.ts'
import { compileParameters } from './http/input/validate.ts'
import { describeApi, documentationRoutes } from './http/openapi.ts'
import { answerBrokenRequest, answerError, handleErrors } from './http/problem/answer-error.ts'
import { adminRoutes } from './http/routes/admins.ts'
import { deleteRoutes } from './http/routes/delete.ts'
import { deletionReceiptRoutes } from './http/routes/deletion-receipts.ts'
import { healthRoutes } from './http/routes/health.ts'
import { statsRoutes } from './http/routes/stats.ts'
import { syncRoutes } from './http/routes/sync.ts'
import { userRoutes } from './http/routes/users.ts'
import { webhookRoutes } from './http/routes/webhooks.ts'
import { authenticate } from './http/server/authenticate.ts'
import { endConnectionsWhenDraining } from './http/server/draining.ts'
import { logGoneClients } from './http/server/gone-clients.ts'
import { type FailureLimit, limitFailures } from './http/server/login-throttle.ts'
import { Overloaded } from './http/server/overloaded.ts'
import { RequestLog } from './http/server/request-log.ts'
import { cutSlowReaders } from './http/server/slow-readers.ts'
import { canonicalTarget } from './http/server/target.ts'

export type AppOptions = RouteOptions & {
  log: FastifyBaseLogger
  /** The service's version, for `/healthz` and the OpenAPI document. */
  version: string
  /** Which proxies are believed about the client's address; false: none. */
  trustProxy?: boolean | string[]
  failedAuthentication?: FailureLimit
  /** What Marzban sends with its webhooks; null: they are not taken. */
  webhookSecret?: string | null
  /** Null: no request is passed on to the panel. */
  front?: FrontOptions | null
  /**
   * Milliseconds a client gets to send a request's headers, and the whole request; how often that is looked at; and how
   * long it may take nothing of its answer; how long the panel may take to open a WebSocket.
   */
  patience?: {
    headersMs: number
    requestMs: number
    checkEveryMs: number
    answerMs: number
    handshakeMs?: number
  }
  /** Milliseconds that requests wait for the database by now; unless given, that is not looked at. */
  databaseWaitMs?: () => number
  /** When to refuse requests because there are too many. */
  pressure?: {
    maxEventLoopDelay?: number
    maxHeapUsedBytes?: number
    maxRssBytes?: number
    sampleInterval?: number
    healthCheckInterval?: number
  }
}

/** Builds the HTTP application: every plugin and every route, by name. Does no I/O. */
export function buildApp(options: AppOptions): App {
  const { services, version, front = null, trustProxy = false } = options
  const { patience = usualPatience, databaseWaitMs = () => 0 } = options
  const app: App = fastify({
    loggerInstance: options.log,
    trustProxy,
    genReqId: () => randomUUID(),
    logController: new RequestLog(options.log),
    requestTimeout: patience.requestMs,
    // Longer than the usual idle time of a proxy in front, so that it never reuses a connection just closed here.
    keepAliveTimeout: 75_000,
    http: {
      headersTimeout: patience.headersMs,
      connectionsCheckingInterval: patience.checkEveryMs,
      shouldUpgradeCallback: (request: IncomingMessage) => front !== null && becomesWebSocket(request, front),
    },
    ...(front && { rewriteUrl: ({ url = '/' }: IncomingMessage) => canonicalTarget(url, front.prefixes) }),
    bodyLimit: 1024 * 1024,
    routerOptions: { maxParamLength: longestParameter },
    // While draining, requests under way on open connections are still served.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    frameworkErrors: answerError,
    clientErrorHandler: answerBrokenRequest,
  })
  app.setValidatorCompiler(compileParameters)
  handleErrors(app)
  endConnectionsWhenDraining(app)
  cutSlowReaders(app, patience.answerMs)
  logGoneClients(app)
  app.register(helmet, { hsts: false, contentSecurityPolicy: apiPolicy })
  app.register(underPressure, {
    maxEventLoopDelay: longestWaitMs,
    healthCheck: async () => databaseWaitMs() <= longestWaitMs,
    healthCheckInterval: 250,
    ...options.pressure,
    customError: Overloaded,
  })
  app.register(rateLimit, { global: false })
  describeApi(app, version)
  app.register(healthRoutes, { services, version })
  app.register(documentationRoutes)
  app.register(webhookRoutes, { services, secret: options.webhookSecret ?? null })
  app.register(async (guarded: App) => {
    authenticate(guarded, services.callers, limitFailures(app, options.failedAuthentication ?? usualFailures))
    guarded.register(adminRoutes, { services })
    guarded.register(statsRoutes, { services })
    guarded.register(userRoutes, { services })
    guarded.register(deleteRoutes, { services })
    guarded.register(deletionReceiptRoutes, { services })
    guarded.register(syncRoutes, { services })
  })
  if (front) {
    app.register(frontRoutes, front)
    const { handshakeMs = 10_000, answerMs: stallMs } = patience
    passOnWebSockets(app, { ...front, trustProxy, handshakeMs, stallMs })
  }
  return app
}

/** Milliseconds. Whoever would have to wait longer, for this process or for the database, is told to come back. */
const longestWaitMs = 2_000
const usualPatience: NonNullable<AppOptions['patience']> = {
  headersMs: 10_000,
  requestMs: 30_000,
  checkEveryMs: 5_000,
  answerMs: 60_000,
}
/** Characters of a name in a path: names of the panel may be long, and no server takes paths much longer. */
const longestParameter = 8_192
const usualFailures: FailureLimit = { max: 10, windowMs: 60_000 }

/** JSON is nothing to render; Swagger UI has a policy of its own. */
const apiPolicy = { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } }
