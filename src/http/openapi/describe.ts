import swagger, { type SwaggerTransform, type SwaggerTransformObject } from '@fastify/swagger'
import type { App } from '../app-type.ts'
import { problemSchema, redirectSchema } from '../problem/problem-schema.ts'
import { accountPageSchema } from '../routes/admins.ts'
import { keyPageSchema } from '../routes/api-keys.ts'
import { auditPageSchema } from '../routes/audit.ts'
import { deletionPageSchema } from '../routes/deletion-receipts.ts'
import { healthBodySchema, readinessBodySchema } from '../routes/health.ts'
import { grantPageSchema, periodPageSchema } from '../routes/limit-periods.ts'
import { syncSchema } from '../routes/sync.ts'
import { userPageSchema, userSchema } from '../routes/users.ts'
import { accountSchema, statsSchema } from '../schemas/account-schema.ts'
import { auditSchema } from '../schemas/audit-schema.ts'
import { deletionReportSchema, deletionSchema } from '../schemas/deletion-schema.ts'
import { grantSchema, periodSchema } from '../schemas/grant-schema.ts'
import { holdSchema } from '../schemas/hold-schema.ts'
import { keySchema, newKeySchema } from '../schemas/key-schema.ts'
import { limitSchema, limitStatusSchema } from '../schemas/limit-schema.ts'
import { type RightsOfCall, rightsAsMarkdown, rightsTo } from '../server/rights-table.ts'
import { emptyParameters } from './empty-parameters.ts'
import { nameSchemas } from './name-schemas.ts'

const description = `Keeps, for each admin of a Marzban panel, all traffic that the admin's users ever consumed. When a user is
deleted, reset or moved to another admin, or when the admin is deleted, no total falls and no byte counts twice.

All traffic is in bytes, as JSON integers of up to 64 bits. Times are RFC 3339 in UTC. Every error is
\`application/problem+json\` (RFC 9457). A list answers \`items\` and \`next_cursor\`. To get the next page, send
\`next_cursor\` back as \`cursor\`, until it is null. An answer about accounts has \`Cache-Control: no-store\`.`

const schemas = [
  problemSchema,
  redirectSchema,
  accountSchema,
  statsSchema,
  userSchema,
  syncSchema,
  deletionSchema,
  deletionReportSchema,
  limitStatusSchema,
  limitSchema,
  grantSchema,
  periodSchema,
  holdSchema,
  keySchema,
  newKeySchema,
  auditSchema,
  accountPageSchema,
  userPageSchema,
  deletionPageSchema,
  grantPageSchema,
  periodPageSchema,
  keyPageSchema,
  auditPageSchema,
  healthBodySchema,
  readinessBodySchema,
]

/** Registers the shared schemas, and the plugin that collects the routes for the OpenAPI document. */
export function describeApi(app: App, version: string): void {
  for (const schema of schemas) app.addSchema(schema)
  app.register(swagger, {
    convertConstToEnum: false,
    transform: addRights,
    transformObject: finish,
    refResolver: {
      buildLocalReference: (schema, _base, _fragment, i) => String(schema.$id ?? `schema-${i}`),
    },
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'marzban-ledger',
        version,
        description,
        contact: { name: 'The operator of this service' },
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: [{ url: '/' }],
      tags: [
        { name: 'admins', description: 'Accounts of admins, their traffic and their users.' },
        {
          name: 'deletions',
          description: 'Delete users and admins without losing a byte, and see the results.',
        },
        { name: 'limits', description: 'Limits of accounts, their periods and grants.' },
        { name: 'api-keys', description: 'Keys for programs.' },
        { name: 'audit', description: 'Who has changed what.' },
        { name: 'sync', description: 'How and when the service reads the panel.' },
        { name: 'service', description: 'Health of the service.' },
      ],
      components: {
        securitySchemes: {
          bearer: {
            type: 'http',
            scheme: 'bearer',
            description:
              'The token of a Marzban admin (POST /api/admin/token of the panel gives one), or an API key.',
          },
          apiKey: {
            type: 'apiKey',
            in: 'header',
            name: 'X-API-Key',
            description: 'An API key, or the key of API_KEY, which has the rights of a sudo admin.',
          },
          basic: {
            type: 'http',
            scheme: 'basic',
            description: 'An API key as the password, with any user name.',
          },
          webhookSecret: {
            type: 'apiKey',
            in: 'header',
            name: 'x-webhook-secret',
            description: 'The secret that Marzban sends with its webhooks.',
          },
        },
      },
      security: [{ bearer: [] }, { apiKey: [] }, { basic: [] }],
    },
  })
}

/** Writes into each call who may make it. */
const addRights: SwaggerTransform = ({ schema, url, route }) => {
  const right = route.config?.right
  return { schema: right === undefined ? schema : { ...schema, 'x-rights': rightsTo(right) }, url }
}

/** Writes the rights of all calls into the description of the API, and gives the document the form that its readers need. */
const finish: SwaggerTransformObject = (document) => {
  if (!('openapiObject' in document)) return {}
  const { openapiObject: api } = document
  const calls = Object.entries(api.paths ?? {}).flatMap(([path, methods = {}]) =>
    Object.entries(methods).flatMap(([method, operation]) => {
      const rights = (operation as { 'x-rights'?: RightsOfCall })['x-rights']
      return rights ? [{ call: `${method.toUpperCase()} ${path}`, rights }] : []
    }),
  )
  const info = { ...api.info, description: `${description}\n\n${whoMay}\n\n${rightsAsMarkdown(calls)}` }
  return nameSchemas(emptyParameters({ ...api, info }))
}

const whoMay = `Who may make which call: \`all\`: about every account; \`own\`: about its own account; \`-\`: gets 403. Each call has the
same as \`x-rights\`.`
