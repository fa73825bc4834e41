import Type from 'typebox'
import { LedgerError } from '../../errors.ts'
import type { App, RouteOptions } from '../app-type.ts'
import { publicProblemResponses } from '../problem/problem-schema.ts'
import { named, shared } from '../schemas/building-blocks.ts'
import { failingSchema, toFailingBody } from '../schemas/failure-schema.ts'

const health = Type.Object(
  { status: Type.Literal('ok'), version: Type.String({ examples: ['0.1.0'] }) },
  { description: 'The process is up.' },
)
/** The body of `GET /healthz`. */
export const healthBodySchema = named('Health', health)

const readiness = Type.Object(
  {
    status: Type.Literal('ready'),
    panel: Type.Object({
      status: Type.Unsafe<'ok' | 'failing'>({
        type: 'string',
        title: 'PanelStatus',
        enum: ['ok', 'failing'],
      }),
      code: Type.Optional(Type.String({ description: 'The error of a failing panel, for programs.' })),
      detail: Type.Optional(Type.String({ description: 'The error of a failing panel, for people.' })),
    }),
    failing: failingSchema,
  },
  { description: 'Requests can be served.' },
)
/** The body of `GET /readyz`. */
export const readinessBodySchema = named('Readiness', readiness)

const healthSchema = {
  operationId: 'getHealth',
  tags: ['service'],
  summary: 'Is the process up?',
  description:
    'Answers while the process runs, even if it is overloaded. Does not ask the database or the panel.',
  security: [],
  response: {
    200: shared(healthBodySchema),
    ...publicProblemResponses(),
  },
}

const readySchema = {
  operationId: 'getReadiness',
  tags: ['service'],
  summary: 'Can requests be served?',
  description:
    'Checks that the database answers and has the schema of this version, at most once a second. The body also shows the ' +
    'state of the panel. A panel that is down does not make the service unready: it still serves figures.',
  security: [],
  response: {
    200: shared(readinessBodySchema),
    ...publicProblemResponses(500, 503),
  },
}

type Panel = { status: 'ok' } | { status: 'failing'; code: string; detail: string }

/** Health checks for supervisors and load balancers. */
export async function healthRoutes(
  app: App,
  { services, version }: RouteOptions & { version: string },
): Promise<void> {
  app.get(
    '/healthz',
    // An overloaded process is busy, not broken: a supervisor must not restart it.
    { schema: healthSchema, config: { pressureHandler: () => {} } },
    async () => ({ status: 'ok' as const, version }),
  )

  app.get('/readyz', { schema: readySchema }, async () => {
    const { migrated, panelError } = await services.readiness()
    if (!migrated) {
      throw new LedgerError(
        'database_unavailable',
        'The database does not have the schema of this version yet.',
      )
    }
    const panel: Panel = panelError
      ? { status: 'failing', code: panelError.code, detail: panelError.message }
      : { status: 'ok' }
    return { status: 'ready' as const, panel, failing: toFailingBody(services.failures()) }
  })
}
