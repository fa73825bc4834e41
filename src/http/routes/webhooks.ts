import Type from 'typebox'
import { LedgerError } from '../../errors.ts'
import { sameSecretAs } from '../../work/callers/secret.ts'
import type { App, RouteOptions } from '../app-type.ts'
import { noQuery } from '../input/path-params.ts'
import { problemResponse, publicProblemResponses } from '../problem/problem-schema.ts'

/** Items in one request; the panel sends what it has gathered in some seconds. */
const maxItems = 10_000
/** Bytes: an item carries all links of its user, which is seldom more than a kilobyte. */
const bodyLimit = 32 * 1024 * 1024
const schema = {
  operationId: 'receiveWebhooks',
  tags: ['sync'],
  summary: 'Receive the notifications of Marzban',
  description:
    'Marzban posts what happened to users, as `WEBHOOK_ADDRESS` and `WEBHOOK_SECRET` of its configuration say. Each ' +
    'notification is a hint: the user is read from the panel soon. Nothing that stands in it is stored or believed.',
  security: [{ webhookSecret: [] }],
  querystring: noQuery,
  body: Type.Array(Type.Object({ username: Type.Optional(Type.Unknown()) }), {
    maxItems,
    description: 'Notifications; of each, only the name of the user is read.',
    examples: [[{ action: 'user_deleted', username: 'alice' }]],
  }),
  response: {
    204: Type.Null({ description: 'The users will be read.' }),
    ...publicProblemResponses(400, 415, 500, 503),
    401: problemResponse(401, 'The header x-webhook-secret does not hold WEBHOOK_SECRET.'),
    404: problemResponse(404, 'WEBHOOK_SECRET is not configured here.'),
    413: problemResponse(413, 'The body is larger than 32 MiB.'),
  },
}

/** Characters; a longer name fits into no path of the panel. */
const longestName = 16_000

/** Whether the panel can be asked for a user of this name, and a database hold it. */
function canBeRead(name: string): boolean {
  return name !== '' && name.length <= longestName && !name.includes('\0') && name.isWellFormed()
}

/** @param secret what Marzban sends along; null: notifications are not taken. */
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
          throw new LedgerError('not_found', 'Webhooks are not taken here: WEBHOOK_SECRET is not set.')
        }
        const given = headers['x-webhook-secret']
        if (typeof given !== 'string' || !isSecret(given)) {
          throw new LedgerError('unauthenticated', 'The header x-webhook-secret is not WEBHOOK_SECRET.')
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
