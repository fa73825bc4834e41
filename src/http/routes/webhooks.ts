import Type from 'typebox'
import { LedgerError } from '../../errors.ts'
import { sameSecretAs } from '../../work/callers/secret.ts'
import type { App, RouteOptions } from '../app-type.ts'
import { noQuery } from '../input/path-params.ts'
import { problemResponse, publicProblemResponses } from '../problem/problem-schema.ts'

/**
 * Bytes; items are not counted. The panel sends all that it has collected at once, and of what is refused it sends more the next
 * time. An item holds all links of its user, seldom more than a kilobyte.
 */
const bodyLimit = 32 * 1024 * 1024
const noSecret = 'This service refuses webhooks: WEBHOOK_SECRET is not set.'
const notTheSecret = 'The header x-webhook-secret is not WEBHOOK_SECRET.'

const schema = {
  operationId: 'receiveWebhooks',
  tags: ['sync'],
  summary: 'Receive the webhooks of Marzban',
  description:
    'Marzban posts changes of users here: set its `WEBHOOK_ADDRESS` and `WEBHOOK_SECRET`. A notification is only a hint: the ' +
    'service soon reads the user from the panel. It uses only the name of the user and stores nothing else of it.',
  security: [{ webhookSecret: [] }],
  querystring: noQuery,
  body: Type.Array(
    Type.Object({
      username: Type.Optional(Type.Unknown({ description: 'The name of the user.' })),
      action: Type.Optional(
        Type.Unknown({ description: 'What has happened. The service does not read it.' }),
      ),
    }),
    {
      description: 'Notifications. The service uses only the name of the user.',
      examples: [[{ action: 'user_deleted', username: 'alice' }]],
    },
  ),
  response: {
    204: Type.Null({ description: 'The service will read these users.' }),
    ...publicProblemResponses(400, 415, 500, 503),
    401: problemResponse(401, 'The header x-webhook-secret is not WEBHOOK_SECRET.', notTheSecret),
    404: problemResponse(404, 'WEBHOOK_SECRET is not set in this service.', noSecret),
    413: problemResponse(413, 'The body is larger than 32 MiB.'),
  },
}

/** Characters. A longer name does not fit into a path of the panel. */
const longestName = 16_000

/** Whether a path of the panel and the database can hold this name. */
function canBeRead(name: string): boolean {
  return name !== '' && name.length <= longestName && !name.includes('\0') && name.isWellFormed()
}

/** @param secret the secret that Marzban sends; null: the service refuses webhooks. */
export async function webhookRoutes(
  app: App,
  { services, secret }: RouteOptions & { secret: string | null },
): Promise<void> {
  const isSecret = secret === null ? null : sameSecretAs(secret)
  app.post(
    '/webhooks/marzban',
    {
      schema,
      bodyLimit,
      onRequest: async ({ headers }) => {
        if (isSecret === null) {
          throw new LedgerError('not_found', noSecret)
        }
        const given = headers['x-webhook-secret']
        if (typeof given !== 'string' || !isSecret(given)) {
          throw new LedgerError('unauthenticated', notTheSecret)
        }
      },
    },
    async ({ body }, reply) => {
      const names = body.flatMap(({ username }) => (typeof username === 'string' ? username : []))
      await services.requestObservation(names.filter(canBeRead))
      return reply.code(204).send(null)
    },
  )
}
