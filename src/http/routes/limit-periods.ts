import Type, { type Static } from 'typebox'
import { auditName, type Caller } from '../../work/callers/caller.ts'
import type { App, RouteOptions } from '../app-type.ts'
import { etagOf, ifMatchHeader, readIfMatch } from '../input/if-match.ts'
import { pageOf, pageParameters, readCursor, usualLimit, writeCursor } from '../input/page.ts'
import { accountId, adminParams, grantId, noQuery, plainText } from '../input/path-params.ts'
import { problemResponse, problemResponses } from '../problem/problem-schema.ts'
import { shared } from '../schemas/building-blocks.ts'
import {
  type GrantBody,
  grantSchema,
  type PeriodBody,
  periodSchema,
  toGrantBody,
  toPeriodBody,
} from '../schemas/grant-schema.ts'
import { type LimitBody, limitSchema, toLimitBody } from '../schemas/limit-schema.ts'
import { accountIdOf } from '../server/authorise.ts'

const listQuery = Type.Object(pageParameters, { additionalProperties: false })

/** One page of the list. */
export const grantPageSchema = pageOf('GrantPage', shared(grantSchema), 'One page of grants.')

const listGrantsSchema = {
  operationId: 'listGrants',
  tags: ['limits'],
  summary: 'List grants',
  description: 'All grants of an account, revoked ones too, the latest first. Traffic is in bytes.',
  params: adminParams,
  querystring: listQuery,
  response: { 200: shared(grantPageSchema), ...problemResponses(404, 414) },
}

const grantBody = Type.Object(
  {
    bytes: Type.Integer({
      minimum: -Number.MAX_SAFE_INTEGER,
      maximum: Number.MAX_SAFE_INTEGER,
      format: 'int64',
      description: 'Bytes to add to the allowance of the period that runs; negative: to take away. Not 0.',
      examples: [107_374_182_400],
    }),
    note: Type.Optional(
      Type.Union([Type.String({ ...plainText, minLength: 1, maxLength: 500 }), Type.Null()], {
        description: 'Anything that people should know. Null or left out: nothing.',
        examples: ['paid in cash', null],
      }),
    ),
    reference: Type.Optional(
      Type.Union([Type.String({ ...plainText, minLength: 1, maxLength: 255 }), Type.Null()], {
        description:
          'Your own name of the grant, for example the number of an invoice. The same reference with the same bytes adds ' +
          'nothing: you get the first grant, or 409 if that was taken back. Null or left out: it has no name.',
        examples: ['invoice-7', null],
      }),
    ),
  },
  { additionalProperties: false, examples: [{ bytes: 107_374_182_400, reference: 'invoice-7' }] },
)

const addGrantSchema = {
  operationId: 'addGrant',
  tags: ['limits'],
  summary: 'Grant traffic',
  description:
    'Adds traffic to the period that runs, or takes some away. For sudo admins only. Traffic is in bytes.',
  params: adminParams,
  querystring: noQuery,
  body: grantBody,
  response: {
    200: {
      description: 'The reference is known, with the same bytes: the grant that there was.',
      content: { 'application/json': { schema: shared(grantSchema) } },
    },
    201: {
      description: 'The new grant.',
      content: { 'application/json': { schema: shared(grantSchema) } },
    },
    ...problemResponses(404, 413, 414, 415),
    409: problemResponse(
      409,
      'The account has no limit of traffic, is closed, or the grant with this reference has other bytes or was taken back.',
      'reference must be new: the grant 5 has this one, with 107374182400 bytes.',
    ),
  },
}

const grantParams = Type.Object({
  id: accountId("The account's id, or `me`: the caller's own account."),
  grant_id: grantId("The grant's id."),
})

const revokeGrantSchema = {
  operationId: 'revokeGrant',
  tags: ['limits'],
  summary: 'Take a grant back',
  description:
    'Takes a grant back and judges the limit at once. The grant stays in the list. For sudo admins only.',
  params: grantParams,
  querystring: noQuery,
  response: {
    200: shared(grantSchema),
    ...problemResponses(413, 414, 415),
    404: problemResponse(
      404,
      'There is no such account or grant.',
      'The account 3 has no grant with the id 9.',
    ),
    409: problemResponse(
      409,
      'The period of the grant is closed.',
      'The grant 5 belongs to a period that is closed: what such a period allowed stays as it was.',
    ),
  },
}

/** One page of the list. */
export const periodPageSchema = pageOf('LimitPeriodPage', shared(periodSchema), 'One page of periods.')

const listPeriodsSchema = {
  operationId: 'listLimitPeriods',
  tags: ['limits'],
  summary: 'List periods',
  description:
    'All periods of the limits of an account, the latest first. What is used in the periods of one limit adds up to the growth ' +
    'of the total, exactly. Between two limits nothing is counted; one that counts from the beginning counts again what earlier ' +
    'limits have counted. Traffic is in bytes.',
  params: adminParams,
  querystring: listQuery,
  response: { 200: shared(periodPageSchema), ...problemResponses(404, 414) },
}

const closePeriodSchema = {
  operationId: 'closeLimitPeriod',
  tags: ['limits'],
  summary: 'Close the period',
  description:
    'Closes the period that runs now and opens the next one, which carries over as always. `total_traffic` stays. For sudo ' +
    'admins only. A repeated call closes another period: send `If-Match`, and a call whose answer was lost can be repeated.',
  params: adminParams,
  headers: ifMatchHeader,
  querystring: noQuery,
  response: {
    201: {
      description: 'The limit, with the new period.',
      headers: { ETag: { type: 'string', description: 'The new version, for `If-Match`.' } },
      content: { 'application/json': { schema: shared(limitSchema) } },
    },
    ...problemResponses(412, 413, 414, 415),
    404: problemResponse(
      404,
      'There is no such account, or it has no limit.',
      'The account 3 has no limit; PUT /admins/3/limit sets one.',
    ),
    409: problemResponse(
      409,
      'The account is closed, or its first complete scan has not ended.',
      'The account 3 is closed: its admin was deleted.',
    ),
  },
}

type Page<Item> = { items: Item[]; next_cursor: string | null }

/** The periods of limits, and what is granted in them. */
export async function limitPeriodRoutes(app: App, { services: { limits } }: RouteOptions): Promise<void> {
  const reading = { right: 'read account' } as const
  const changing = { right: 'change limits' } as const

  app.get(
    '/admins/:id/grants',
    { schema: listGrantsSchema, config: reading },
    async ({ caller, params, query }): Promise<Page<GrantBody>> => {
      const { items, next } = await limits.grants(toPage(caller, params.id, query))
      return { items: items.map(toGrantBody), next_cursor: cursorOf(next) }
    },
  )

  app.post(
    '/admins/:id/grants',
    { schema: addGrantSchema, config: changing },
    async ({ caller, params, body }, reply): Promise<GrantBody> => {
      const { bytes, note = null, reference = null } = body
      const { grant, isNew } = await limits.grant(accountIdOf(caller, params.id), {
        bytes: BigInt(bytes),
        note,
        reference,
        by: auditName(caller),
      })
      reply.code(isNew ? 201 : 200)
      return toGrantBody(grant)
    },
  )

  app.delete(
    '/admins/:id/grants/:grant_id',
    { schema: revokeGrantSchema, config: changing },
    async ({ caller, params }): Promise<GrantBody> => {
      const adminId = accountIdOf(caller, params.id)
      return toGrantBody(await limits.revoke(adminId, BigInt(params.grant_id), auditName(caller)))
    },
  )

  app.get(
    '/admins/:id/periods',
    { schema: listPeriodsSchema, config: reading },
    async ({ caller, params, query }): Promise<Page<PeriodBody>> => {
      const { items, next } = await limits.periods(toPage(caller, params.id, query))
      return { items: items.map(toPeriodBody), next_cursor: cursorOf(next) }
    },
  )

  app.post(
    '/admins/:id/periods',
    { schema: closePeriodSchema, config: changing },
    async ({ caller, params, headers }, reply): Promise<LimitBody> => {
      const expected = readIfMatch(headers['if-match'])
      const report = await limits.closePeriod(accountIdOf(caller, params.id), {
        expected,
        by: auditName(caller),
      })
      reply.code(201).header('etag', etagOf(report.limit.version))
      return toLimitBody(report)
    },
  )
}

/** The only order of these lists. */
const sort = '-id'

function toPage(caller: Caller, id: number | 'me', { limit, cursor }: Static<typeof listQuery>) {
  return {
    adminId: accountIdOf(caller, id),
    before: cursor === undefined ? null : readCursor(cursor, sort, (key) => key === '').id,
    limit: limit ?? usualLimit,
  }
}

function cursorOf(next: bigint | null): string | null {
  return next === null ? null : writeCursor({ sort, key: '', id: next })
}
