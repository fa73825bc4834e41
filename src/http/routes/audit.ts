import Type from 'typebox'
import { auditActions } from '../../work/callers/caller.ts'
import type { App, RouteOptions } from '../app-type.ts'
import { pageOf, pageParameters, readCursor, usualLimit, writeCursor } from '../input/page.ts'
import { accountId } from '../input/path-params.ts'
import { readTimes, timeParameter } from '../input/time-parameter.ts'
import { problemResponse, problemResponses } from '../problem/problem-schema.ts'
import { type AuditBody, auditSchema, toAuditBody } from '../schemas/audit-schema.ts'
import { shared } from '../schemas/building-blocks.ts'
import { accountIdOf } from '../server/authorise.ts'

/** One page of the list. */
export const auditPageSchema = pageOf('AuditPage', shared(auditSchema), 'One page of changes.')

const schema = {
  operationId: 'listAudit',
  tags: ['audit'],
  summary: 'List changes',
  description:
    'Every change of a limit, a grant, a period, a hold or an API key, the latest first: who made it, when, what was there and what ' +
    'is there now. It has no secrets. For sudo admins only. Traffic is in bytes.',
  querystring: Type.Object(
    {
      admin: Type.Optional(
        accountId("Only changes about this account; `me`: the caller's own account. Left out: all."),
      ),
      action: Type.Optional(
        Type.Array(
          Type.Unsafe<(typeof auditActions)[number]>({
            type: 'string',
            title: 'AuditAction',
            enum: auditActions,
          }),
          {
            description: 'Only these actions, separated by commas. Left out: all.',
            examples: [['limit.set', 'limit.deleted']],
          },
        ),
      ),
      from: timeParameter('Only changes at or after this time. RFC 3339.'),
      to: timeParameter('Only changes before this time. RFC 3339.'),
      ...pageParameters,
    },
    { additionalProperties: false, style: 'form', explode: false },
  ),
  response: {
    200: shared(auditPageSchema),
    ...problemResponses(),
    404: problemResponse(
      404,
      '`admin=me`, but the caller has no account.',
      'You have no account of your own: the API key belongs to no admin; use an id from GET /admins.',
    ),
  },
}

type AuditPage = { items: AuditBody[]; next_cursor: string | null }

/** Who has changed what. */
export async function auditRoutes(app: App, { services }: RouteOptions): Promise<void> {
  app.get(
    '/audit',
    { schema, config: { right: 'read audit' } },
    async ({ caller, query }): Promise<AuditPage> => {
      const { admin, action: actions, cursor, limit } = query
      const { items, next } = await services.audit({
        ...(admin !== undefined && { adminId: accountIdOf(caller, admin) }),
        ...(actions && { actions }),
        ...readTimes(query),
        before: cursor === undefined ? null : readCursor(cursor, sort, (key) => key === '').id,
        limit: limit ?? usualLimit,
      })
      return {
        items: items.map(toAuditBody),
        next_cursor: next === null ? null : writeCursor({ sort, key: '', id: next }),
      }
    },
  )
}

/** The only order of this list. */
const sort = '-changed'
