import Type from 'typebox'
import { auditName } from '../../work/callers/caller.ts'
import type { App, RouteOptions } from '../app-type.ts'
import { adminParams, noQuery, plainText } from '../input/path-params.ts'
import { problemResponse, problemResponses } from '../problem/problem-schema.ts'
import { shared } from '../schemas/building-blocks.ts'
import { type HoldBody, holdSchema, toHoldBody } from '../schemas/hold-schema.ts'
import { accountIdOf } from '../server/authorise.ts'

const hold = {
  description: 'The hold, and how far it has come.',
  content: { 'application/json': { schema: shared(holdSchema) } },
}

const readSchema = {
  operationId: 'getHold',
  tags: ['limits'],
  summary: 'Read a hold',
  description: 'Why the users of an admin are disabled, and how far that has come.',
  params: adminParams,
  querystring: noQuery,
  response: {
    200: hold,
    ...problemResponses(414),
    404: problemResponse(
      404,
      'There is no such account, or it is not held.',
      'The account 3 is not held; POST /admins/3/hold holds it.',
    ),
  },
}

const placeSchema = {
  operationId: 'placeHold',
  tags: ['limits'],
  summary: 'Hold an admin',
  description:
    'Disables all users of an admin until the hold is lifted, and refuses what could enable them again. A second call replaces ' +
    'the reason. Users that are disabled already stay as they are. For sudo admins only.',
  params: adminParams,
  querystring: noQuery,
  body: Type.Object(
    {
      reason: Type.String({
        minLength: 1,
        maxLength: 500,
        ...plainText,
        description: 'Why. The admin can read it.',
        examples: ['unpaid invoice'],
      }),
    },
    { additionalProperties: false, examples: [{ reason: 'unpaid invoice' }] },
  ),
  response: {
    200: hold,
    ...problemResponses(404, 413, 414, 415),
    409: problemResponse(
      409,
      "The account is closed, or a sudo admin's.",
      'The account 3 is closed: its admin was deleted.',
    ),
  },
}

const liftSchema = {
  operationId: 'liftHold',
  tags: ['limits'],
  summary: 'Lift a hold',
  description:
    "Takes the operator's hold back. If nothing else holds the admin, its users get their former status back. For sudo admins only.",
  params: adminParams,
  querystring: noQuery,
  response: {
    204: { type: 'null', description: 'No operator holds the admin any more.' },
    ...problemResponses(413, 414, 415),
    404: problemResponse(
      404,
      'There is no such account, or no operator holds it.',
      'No operator holds the account 3 any more: its users are being enabled again.',
    ),
  },
}

/** Holds of admins by an operator. */
export async function holdRoutes(app: App, { services: { holds } }: RouteOptions): Promise<void> {
  const config = { right: 'change limits' } as const

  app.get(
    '/admins/:id/hold',
    { schema: readSchema, config: { right: 'read account' } },
    async ({ caller, params }): Promise<HoldBody> =>
      toHoldBody(await holds.read(accountIdOf(caller, params.id))),
  )

  app.post(
    '/admins/:id/hold',
    { schema: placeSchema, config },
    async ({ caller, params, body }): Promise<HoldBody> =>
      toHoldBody(
        await holds.place(accountIdOf(caller, params.id), { reason: body.reason, by: auditName(caller) }),
      ),
  )

  app.delete('/admins/:id/hold', { schema: liftSchema, config }, async ({ caller, params }, reply) => {
    await holds.lift(accountIdOf(caller, params.id), auditName(caller))
    return reply.code(204).send()
  })
}
