import type { FastifyReply } from 'fastify'
import Type, { type Static } from 'typebox'
import { auditName } from '../../work/callers/caller.ts'
import type { LimitReport } from '../../work/limits/limits.ts'
import type { App, RouteOptions } from '../app-type.ts'
import { etagOf, ifMatchHeader, readIfMatch } from '../input/if-match.ts'
import { adminParams, noQuery, plainText } from '../input/path-params.ts'
import { dateTime, readTime } from '../input/time-parameter.ts'
import { problemResponse, problemResponses } from '../problem/problem-schema.ts'
import { shared } from '../schemas/building-blocks.ts'
import { carryOver, countFrom, onExceed, periodUnit } from '../schemas/limit-choices.ts'
import { type LimitBody, limitSchema, toLimitBody } from '../schemas/limit-schema.ts'
import { accountIdOf } from '../server/authorise.ts'

const noLimit = problemResponse(
  404,
  'There is no such account, or it has no limit.',
  'The account 3 has no limit; PUT /admins/3/limit sets one.',
)

const withEtag = {
  description: 'The limit, and how the account stands against it.',
  headers: {
    ETag: { type: 'string', description: 'The version, for `If-Match`. Not set in a dry run.' },
  },
  content: { 'application/json': { schema: shared(limitSchema) } },
}

const readSchema = {
  operationId: 'getLimit',
  tags: ['limits'],
  summary: 'Read a limit',
  description: 'The limit of an account, and how the account stands against it. Traffic is in bytes.',
  params: adminParams,
  querystring: noQuery,
  response: { 200: withEtag, ...problemResponses(414), 404: noLimit },
}

const period = Type.Object(
  {
    unit: periodUnit({}),
    anchor_day: Type.Optional(
      // Null, so that a limit can be sent back as it was read.
      Type.Union([Type.Integer({ minimum: 1, maximum: 31 }), Type.Null()], {
        description:
          'The day on which periods begin: 1 (Monday) to 7 of a week, 1 to 31 of a month; a shorter month begins on its last ' +
          'day. Null or left out: 1. Not for days.',
        examples: [1, null],
      }),
    ),
    timezone: Type.String({
      minLength: 1,
      maxLength: 64,
      ...plainText,
      description: 'A time zone of the IANA database: periods begin at its midnight.',
      examples: ['Asia/Tehran'],
    }),
  },
  { title: 'NewPeriodRule', additionalProperties: false, description: 'How periods follow each other.' },
)

const body = Type.Object(
  {
    traffic_limit: Type.Union(
      [Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER, format: 'int64' }), Type.Null()],
      {
        description:
          'Bytes for each period; null: no limit of traffic. Not 0, which means no limit in Marzban.',
        examples: [1_099_511_627_776, null],
      },
    ),
    period: Type.Union([period, Type.Null()], {
      description: 'How periods follow each other; null: a prepaid package with a single period.',
      examples: [{ unit: 'month', anchor_day: 1, timezone: 'Asia/Tehran' }, null],
    }),
    count_from: Type.Optional(
      countFrom({
        description:
          'What the first period counts: `now`: what is used from now on; `beginning`: all traffic of the account. Left out: ' +
          'as it is, or `now` for a new limit. It cannot change as long as there is a limit.',
        examples: ['now'],
      }),
    ),
    carry_over: Type.Optional(
      carryOver({
        default: 'debt',
        description:
          'What goes into the next period: `none`; `debt`: what was used beyond the allowance is owed; `all`: also what was ' +
          'left.',
        examples: ['debt'],
      }),
    ),
    valid_until: Type.Optional(
      Type.Union([Type.String({ ...dateTime }), Type.Null()], {
        description: 'Until when the account may be served; null or left out: for ever.',
        examples: ['2026-12-31T20:30:00Z', null],
      }),
    ),
    warn_at: Type.Optional(
      Type.Array(Type.Integer({ minimum: 1, maximum: 99 }), {
        maxItems: 10,
        description: 'Percentages of the allowance at which the service warns, ascending. Left out: none.',
        examples: [[80, 95]],
      }),
    ),
    on_exceed: onExceed({
      description:
        'What happens while the allowance is used or the validity is over. `notify`: the service records it. ' +
        '`disable_users`: it also disables all users of the admin, and enables them again when it is over.',
      examples: ['disable_users'],
    }),
  },
  {
    additionalProperties: false,
    examples: [
      {
        traffic_limit: 1_099_511_627_776,
        period: { unit: 'month', anchor_day: 1, timezone: 'Asia/Tehran' },
        warn_at: [80, 95],
        on_exceed: 'disable_users',
      },
    ],
  },
)

const setSchema = {
  operationId: 'setLimit',
  tags: ['limits'],
  summary: 'Set a limit',
  description:
    'Sets the limit of an account, as a whole: what is left out gets its default. The period that runs goes on; another ' +
    'calendar moves its end. A limit is judged whenever traffic is counted. For sudo admins only. Traffic is in bytes.',
  params: adminParams,
  headers: ifMatchHeader,
  querystring: Type.Object(
    {
      dry_run: Type.Optional(
        Type.Boolean({
          default: false,
          description: 'true: change nothing, and answer what the limit would be.',
          examples: [true],
        }),
      ),
    },
    { additionalProperties: false },
  ),
  body,
  response: {
    200: withEtag,
    ...problemResponses(404, 412, 413, 414, 415),
    409: problemResponse(
      409,
      "The account is closed, it is a sudo admin's and `on_exceed` is `disable_users`, or `count_from` would change.",
      'count_from must stay "now" as long as there is a limit. To count from now on, close the period: POST /admins/{id}/periods. ' +
        'To count from the beginning, delete the limit and set it again.',
    ),
  },
}

const removeSchema = {
  operationId: 'deleteLimit',
  tags: ['limits'],
  summary: 'Remove a limit',
  description:
    'Removes the limit of an account and closes the period that runs. Totals, periods and grants stay. For sudo admins only.',
  params: adminParams,
  headers: ifMatchHeader,
  querystring: noQuery,
  response: {
    204: { type: 'null', description: 'The account has no limit any more.' },
    ...problemResponses(412, 413, 414, 415),
    404: noLimit,
  },
}

/** The limits of accounts. */
export async function limitRoutes(app: App, { services: { limits } }: RouteOptions): Promise<void> {
  const config = { right: 'change limits' } as const

  app.get(
    '/admins/:id/limit',
    { schema: readSchema, config: { right: 'read account' } },
    async ({ caller, params }, reply): Promise<LimitBody> =>
      withVersion(reply, await limits.read(accountIdOf(caller, params.id))),
  )

  app.put(
    '/admins/:id/limit',
    { schema: setSchema, config },
    async ({ caller, params, query, headers, body: given }, reply): Promise<LimitBody> => {
      const isDryRun = query.dry_run ?? false
      const report = await limits.set(accountIdOf(caller, params.id), {
        request: toRequest(given),
        expected: readIfMatch(headers['if-match']),
        isDryRun,
        by: auditName(caller),
      })
      return isDryRun ? toLimitBody(report) : withVersion(reply, report)
    },
  )

  app.delete(
    '/admins/:id/limit',
    { schema: removeSchema, config },
    async ({ caller, params, headers }, reply) => {
      const expected = readIfMatch(headers['if-match'])
      await limits.remove(accountIdOf(caller, params.id), { expected, by: auditName(caller) })
      return reply.code(204).send()
    },
  )
}

function withVersion(reply: FastifyReply, report: LimitReport): LimitBody {
  reply.header('etag', etagOf(report.limit.version))
  return toLimitBody(report)
}

function toRequest(given: Static<typeof body>) {
  const { traffic_limit: bytes, period: rule, valid_until: until } = given
  return {
    trafficLimit: bytes === null ? null : BigInt(bytes),
    countFrom: given.count_from ?? null,
    period: rule && { unit: rule.unit, anchorDay: rule.anchor_day ?? null, timezone: rule.timezone },
    carryOver: given.carry_over ?? 'debt',
    validUntil: until === undefined || until === null ? null : readTime('valid_until', until),
    warnAt: given.warn_at ?? [],
    onExceed: given.on_exceed,
  }
}
