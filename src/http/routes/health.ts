import Type from 'typebox'
import { LedgerError } from '../../errors.ts'
import type { App, RouteOptions } from '../app-type.ts'
import { publicProblemResponses } from '../problem/problem-schema.ts'

const healthSchema = {
  operationId: 'getHealth',
  tags: ['service'],
  summary: 'Is the process up?',
  description:
    'Answers as long as the process runs, also when it is overloaded. Asks neither database nor panel.',
  security: [],
  response: {
    200: Type.Object(
      { status: Type.Literal('ok'), version: Type.String({ examples: ['0.1.0'] }) },
      { description: 'The process is up.' },
    ),
  },
}

const readySchema = {
  operationId: 'getReadiness',
  tags: ['service'],
  summary: 'Can requests be served?',
  description:
    'Whether the database answers and has the schema of this version. The state of the panel is told, and does not ' +
    'make the service unready: figures are served without it. Looked at once a second at most.',
  security: [],
  response: {
    200: Type.Object(
      {
        status: Type.Literal('ready'),
        panel: Type.Object({
          status: Type.Unsafe<'ok' | 'failing'>({ type: 'string', enum: ['ok', 'failing'] }),
          code: Type.Optional(Type.String({ description: 'Of a failing panel: what went wrong.' })),
          detail: Type.Optional(Type.String({ description: 'Of a failing panel: the same for people.' })),
        }),
      },
      { description: 'Requests can be served.' },
    ),
    ...publicProblemResponses(500, 503),
  },
}

type Panel = { status: 'ok' } | { status: 'failing'; code: string; detail: string }

/** What supervisors and load balancers ask. */
export async function healthRoutes(
  app: App,
  { services, version }: RouteOptions & { version: string },
): Promise<void> {
  app.get(
    '/healthz',
    // A process that sheds load is busy, not broken: a supervisor must not restart it.
    { schema: healthSchema, config: { pressureHandler: () => {} } },
    async () => ({ status: 'ok' as const, version }),
  )

  app.get('/readyz', { schema: readySchema }, async (): Promise<{ status: 'ready'; panel: Panel }> => {
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
    return { status: 'ready', panel }
  })
}
