import Type, { type Static } from 'typebox'
import type { App, RouteOptions } from '../app-type.ts'
import { pageOf, pageParameters, readCursor, usualLimit, writeCursor } from '../input/page.ts'
import { accountId, keyId, noQuery, plainText } from '../input/path-params.ts'
import { dateTime, readTime } from '../input/time-parameter.ts'
import { problemResponse, problemResponses } from '../problem/problem-schema.ts'
import { shared } from '../schemas/building-blocks.ts'
import {
  accessMeaning,
  type KeyBody,
  keyAccesses,
  keyRoles,
  keySchema,
  type NewKeyBody,
  newKeySchema,
  roleMeaning,
  toKeyBody,
} from '../schemas/key-schema.ts'
import { ownAccountId } from '../server/authorise.ts'

const body = Type.Object(
  {
    name: Type.String({
      ...plainText,
      minLength: 1,
      maxLength: 100,
      description: 'What the key is for.',
      examples: ['Grafana'],
    }),
    role: Type.Unsafe<(typeof keyRoles)[number]>({
      type: 'string',
      title: 'KeyRole',
      enum: keyRoles,
      description: roleMeaning,
      examples: ['admin'],
    }),
    access: Type.Unsafe<(typeof keyAccesses)[number]>({
      type: 'string',
      title: 'KeyAccess',
      enum: keyAccesses,
      description: accessMeaning,
      examples: ['read'],
    }),
    admin: Type.Optional(
      accountId(
        "The id of the account that the key acts for, or `me`: the caller's own account. Only for the role `admin`; an " +
          'admin may leave it out.',
      ),
    ),
    expires_at: Type.Optional(
      Type.Union([Type.String(dateTime), Type.Null()], {
        description: 'From when on the key is refused. RFC 3339. Left out or null: it does not expire.',
        examples: ['2027-11-22T10:32:39Z', null],
      }),
    ),
  },
  { additionalProperties: false, examples: [{ name: 'Grafana', role: 'admin', access: 'read', admin: 3 }] },
)

const createSchema = {
  operationId: 'createApiKey',
  tags: ['api-keys'],
  summary: 'Make an API key',
  description:
    'Makes a key for a program. The answer has the key itself, once: the service stores only its SHA-256. An admin can make ' +
    'keys for its own account. API keys cannot make keys. An account can have 1000 keys that are not revoked.',
  querystring: noQuery,
  body,
  response: {
    201: {
      description: 'The new key. Keep `key`: no other answer has it.',
      content: { 'application/json': { schema: shared(newKeySchema) } },
    },
    ...problemResponses(404, 413, 415),
    403: problemResponse(
      403,
      'An admin may make keys with the role `admin` for its own account only; an API key may make none.',
      'Keys neither make nor revoke keys: send the token of a Marzban admin, or the key of API_KEY.',
    ),
    409: problemResponse(
      409,
      'The admin of the account is gone, or there are 1000 keys already.',
      'There are 1000 keys of this account: revoke one that nobody needs.',
    ),
  },
}

const listQuery = Type.Object(pageParameters, { additionalProperties: false })

/** One page of the list. */
export const keyPageSchema = pageOf('ApiKeyPage', shared(keySchema), 'One page of keys.')

const listSchema = {
  operationId: 'listApiKeys',
  tags: ['api-keys'],
  summary: 'List API keys',
  description:
    'API keys without their secrets, revoked ones too, the latest first. A sudo admin gets all keys, any other admin those ' +
    'of its account.',
  querystring: listQuery,
  response: { 200: shared(keyPageSchema), ...problemResponses() },
}

const revokeSchema = {
  operationId: 'revokeApiKey',
  tags: ['api-keys'],
  summary: 'Revoke an API key',
  description:
    'From now on the key is refused, by all replicas. It stays in the list. You can repeat the call.',
  params: Type.Object({ id: keyId("The key's id.") }),
  querystring: noQuery,
  response: {
    200: shared(keySchema),
    ...problemResponses(413, 414, 415),
    403: problemResponse(
      403,
      'An API key may revoke no key.',
      'Keys neither make nor revoke keys: send the token of a Marzban admin, or the key of API_KEY.',
    ),
    404: problemResponse(
      404,
      'There is no such key, or the caller may not see it.',
      'There is no key with the id 9 that you may see.',
    ),
  },
}

type KeysPage = { items: KeyBody[]; next_cursor: string | null }

/** Keys for programs. */
export async function apiKeyRoutes(app: App, { services: { keys } }: RouteOptions): Promise<void> {
  app.post(
    '/api-keys',
    { schema: createSchema, config: { right: 'make key' } },
    async ({ caller, body: given }, reply): Promise<NewKeyBody> => {
      const { name, role, access, expires_at: until } = given
      // What an admin leaves out is its own. The operator has no account to mean.
      const admin = given.admin ?? (role === 'admin' && caller.kind === 'admin' ? 'me' : null)
      const { key, text } = await keys.create(caller, {
        name,
        role,
        access,
        adminId: admin === 'me' ? ownAccountId(caller) : admin === null ? null : BigInt(admin),
        expiresAt: until === undefined || until === null ? null : readTime('expires_at', until),
      })
      reply.code(201)
      return { ...toKeyBody(key), key: text }
    },
  )

  app.get(
    '/api-keys',
    { schema: listSchema, config: { right: 'read keys' } },
    async ({ caller, query }): Promise<KeysPage> => {
      const { items, next } = await keys.list(caller, toPage(query))
      return {
        items: items.map(toKeyBody),
        next_cursor: next === null ? null : writeCursor({ sort, key: '', id: next }),
      }
    },
  )

  app.delete(
    '/api-keys/:id',
    { schema: revokeSchema, config: { right: 'revoke key' } },
    async ({ caller, params }): Promise<KeyBody> => toKeyBody(await keys.revoke(caller, BigInt(params.id))),
  )
}

/** The only order of this list. */
const sort = '-id'

function toPage({ limit, cursor }: Static<typeof listQuery>) {
  const before = cursor === undefined ? null : readCursor(cursor, sort, (key) => key === '').id
  return { before, limit: limit ?? usualLimit }
}
