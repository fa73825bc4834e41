import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import helmet from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import underPressure from '@fastify/under-pressure'
import { type FastifyBaseLogger, fastify } from 'fastify'
import type { App, RouteOptions } from './http/app-type.ts'
import { type FrontOptions, frontRoutes } from './http/front/routes.ts'
import { becomesWebSocket, passOnWebSockets } from './http/front/upgrades.ts'
import { readBodies } from './http/input/read-bodies.ts'
import { refuseUnreadableQueries } from './http/input/readable-queries.ts'
import { refuseUnknownBodies } from './http/input/refuse-bodies.ts'
import { compileParameters } from './http/input/validate.ts'
import { describeApi } from './http/openapi/describe.ts'
import { documentationRoutes } from './http/openapi/docs-page.ts'
import { answerBrokenRequest, answerError, handleErrors } from './http/problem/answer-error.ts'
import { refuseExpectations } from './http/problem/refuse-expectations.ts'
import { adminRoutes } from './http/routes/admins.ts'
import { apiKeyRoutes } from './http/routes/api-keys.ts'
import { auditRoutes } from './http/routes/audit.ts'
import { deleteRoutes } from './http/routes/delete.ts'
import { deletionReceiptRoutes } from './http/routes/deletion-receipts.ts'
import { healthRoutes } from './http/routes/health.ts'
import { holdRoutes } from './http/routes/holds.ts'
import { limitPeriodRoutes } from './http/routes/limit-periods.ts'
import { limitRoutes } from './http/routes/limits.ts'
import { statsRoutes } from './http/routes/stats.ts'
import { syncRoutes } from './http/routes/sync.ts'
import { userRoutes } from './http/routes/users.ts'
import { webhookRoutes } from './http/routes/webhooks.ts'
import { authenticate } from './http/server/authenticate.ts'
import { authorise } from './http/server/authorise.ts'
import { allowOrigins } from './http/server/cross-origin.ts'
import { endConnectionsWhenDraining } from './http/server/draining.ts'
import { FailureStore } from './http/server/failure-store.ts'
import { logGoneClients } from './http/server/gone-clients.ts'
import { collectPaths, redirectTrailingSlashes } from './http/server/known-paths.ts'
import { type FailureLimit, limitFailures } from './http/server/login-throttle.ts'
import { neverStoreAccounts } from './http/server/never-store.ts'
import { refuseUnderPressure } from './http/server/overloaded.ts'
import { RequestLog } from './http/server/request-log.ts'
import { buildSharedSerializers } from './http/server/shared-serializers.ts'
import { cutSlowReaders } from './http/server/slow-readers.ts'
import { canonicalTarget } from './http/server/target.ts'

export type AppOptions = RouteOptions & {
  log: FastifyBaseLogger
  /** The service's version, for `/healthz` and the OpenAPI document. */
  version: string
  /** The proxies whose X-Forwarded headers count; false: none. */
  trustProxy?: boolean | string[]
  /** The origins of web pages that may call; left out: none. */
  corsOrigins?: readonly string[]
  failedAuthentication?: FailureLimit
  /** The secret that Marzban sends with its webhooks; null: the service refuses webhooks. */
  webhookSecret?: string | null
  /** Null: the front is off. */
  front?: FrontOptions | null
  patience?: {
    /** How long a client may take to send a request's headers, and the whole request. */
    headersMs: number
    requestMs: number
    /** How often both are checked. */
    checkEveryMs: number
    /** How long a client may read nothing of its answer. */
    answerMs: number
    /** How long the panel may take to open a WebSocket. */
    handshakeMs?: number
  }
  /** For how many milliseconds requests have waited for the database; left out: this is not checked. */
  databaseWaitMs?: () => number
  /** The limits above which the service refuses requests. */
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
    // Longer than a proxy's usual idle time: so the proxy never reuses a connection that has just closed here.
    keepAliveTimeout: 75_000,
    http: {
      headersTimeout: patience.headersMs,
      connectionsCheckingInterval: patience.checkEveryMs,
      shouldUpgradeCallback: (request: IncomingMessage) =>
        front !== null && becomesWebSocket(request, front, services.callers.keys),
    },
    ...(front && { rewriteUrl: ({ url = '/' }: IncomingMessage) => canonicalTarget(url, front.prefixes) }),
    bodyLimit: 1024 * 1024,
    schemaController: { compilersFactory: { buildSerializer: buildSharedSerializers } },
    routerOptions: { maxParamLength: longestParameter },
    // While the service drains, it still answers the requests on open connections.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    frameworkErrors: answerError,
    clientErrorHandler: answerBrokenRequest,
  })
  app.setValidatorCompiler(compileParameters)
  app.decorate('keys', services.callers.keys)
  const methodsAt = collectPaths(app)
  handleErrors(app, methodsAt)
  readBodies(app)
  refuseUnreadableQueries(app)
  neverStoreAccounts(app)
  endConnectionsWhenDraining(app)
  cutSlowReaders(app, patience.answerMs)
  logGoneClients(app)
  refuseExpectations(app)
  app.register(helmet, { hsts: false, contentSecurityPolicy: apiPolicy })
  allowOrigins(app, options.corsOrigins ?? [])
  // A redirect has the headers of both, too.
  app.after(() => redirectTrailingSlashes(app, methodsAt))
  app.register(underPressure, {
    maxEventLoopDelay: longestWaitMs,
    healthCheck: async () => databaseWaitMs() <= longestWaitMs,
    healthCheckInterval: 250,
    ...options.pressure,
    pressureHandler: refuseUnderPressure,
  })
  app.register(rateLimit, { global: false, store: FailureStore })
  describeApi(app, version)
  app.register(healthRoutes, { services, version })
  app.register(documentationRoutes)
  app.register(webhookRoutes, { services, secret: options.webhookSecret ?? null })
  app.register(async (guarded: App) => {
    authenticate(guarded, services.callers, limitFailures(app, options.failedAuthentication ?? usualFailures))
    authorise(guarded)
    refuseUnknownBodies(guarded)
    guarded.register(adminRoutes, { services })
    guarded.register(statsRoutes, { services })
    guarded.register(userRoutes, { services })
    guarded.register(deleteRoutes, { services })
    guarded.register(deletionReceiptRoutes, { services })
    guarded.register(syncRoutes, { services })
    guarded.register(limitRoutes, { services })
    guarded.register(limitPeriodRoutes, { services })
    guarded.register(holdRoutes, { services })
    guarded.register(apiKeyRoutes, { services })
    guarded.register(auditRoutes, { services })
  })
  if (front) {
    app.register(frontRoutes, front)
    const { handshakeMs = 10_000, answerMs: stallMs } = patience
    passOnWebSockets(app, { ...front, trustProxy, handshakeMs, stallMs })
  }
  return app
}

/** Milliseconds. A request that would wait longer, for this process or for the database, is refused. */
const longestWaitMs = 2_000
const usualPatience: NonNullable<AppOptions['patience']> = {
  headersMs: 10_000,
  requestMs: 30_000,
  checkEveryMs: 5_000,
  answerMs: 60_000,
}
/** Characters of a name in a path. The panel's names can be long, and no server accepts much longer paths. */
const longestParameter = 8_192
const usualFailures: FailureLimit = { max: 10, windowMs: 60_000 }

/** A browser renders none of the JSON. Swagger UI has its own policy. */
const apiPolicy = { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } }
