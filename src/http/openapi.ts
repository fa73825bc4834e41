import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { App } from './app-type.ts'
import { problemSchema } from './problem/problem-schema.ts'
import { syncSchema } from './routes/sync.ts'
import { userSchema } from './routes/users.ts'
import { accountSchema, statsSchema } from './schemas/account-schema.ts'
import { deletionReportSchema, deletionSchema } from './schemas/deletion-schema.ts'

const description = `Keeps, for every admin of a Marzban panel, the traffic that the admin's users have ever consumed.
Deleting a user, resetting it, moving it to another admin or deleting the admin never lowers a total and never counts a
byte twice.

All traffic is bytes, as JSON integers of up to 64 bits. Times are RFC 3339 in UTC. Every error is
\`application/problem+json\` (RFC 9457). Lists answer \`items\` and \`next_cursor\`: send it back as \`cursor\` until it
is null.`

const schemas = [
  problemSchema,
  accountSchema,
  statsSchema,
  userSchema,
  syncSchema,
  deletionSchema,
  deletionReportSchema,
]

/** Registers the schemas that routes share, and the collecting of routes for the OpenAPI document. */
export function describeApi(app: App, version: string): void {
  for (const schema of schemas) app.addSchema(schema)
  app.register(swagger, {
    convertConstToEnum: false,
    refResolver: {
      buildLocalReference: (schema, _base, _fragment, i) => String(schema.$id ?? `schema-${i}`),
    },
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'marzban-ledger',
        version,
        description,
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: [{ url: '/' }],
      tags: [
        { name: 'admins', description: 'Accounts of admins, their traffic and their users.' },
        {
          name: 'deletions',
          description: 'Deleting users and admins so that no byte is lost, and what became of it.',
        },
        { name: 'sync', description: 'How and when the panel is read.' },
        { name: 'service', description: 'Health of the service.' },
      ],
      components: {
        securitySchemes: {
          bearer: {
            type: 'http',
            scheme: 'bearer',
            description: 'The token of a Marzban admin, as POST /api/admin/token of the panel gives it.',
          },
          apiKey: {
            type: 'apiKey',
            in: 'header',
            name: 'X-API-Key',
            description: "The operator's key: may do what a sudo admin may.",
          },
          webhookSecret: {
            type: 'apiKey',
            in: 'header',
            name: 'x-webhook-secret',
            description: 'The secret that Marzban sends along with its notifications.',
          },
        },
      },
      security: [{ bearer: [] }, { apiKey: [] }],
    },
  })
}

/** Serves the document, and Swagger UI over it. */
export async function documentationRoutes(app: App): Promise<void> {
  // Written once: the routes do not change while the service runs.
  let document: string | undefined
  app.get('/openapi.json', { schema: { hide: true } }, async (_request, reply) => {
    document ??= JSON.stringify(app.swagger())
    return reply.type('application/json; charset=utf-8').send(document)
  })
  app.register(swaggerUi, {
    routePrefix: '/docs',
    uiConfig: { validatorUrl: null, displayRequestDuration: true },
    theme: { title: 'marzban-ledger' },
    staticCSP: swaggerUiPolicy,
  })
}

/** What Swagger UI loads and does. No upgrade to HTTPS: the service is mostly opened at a plain address. */
const swaggerUiPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  // It sets styles on elements as it goes.
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ')
