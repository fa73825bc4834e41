import Type, { type Static } from 'typebox'
import type { Caller } from '../../work/callers/caller.ts'
import type { DeletionPage } from '../../work/deleting/deletions.ts'
import type { App, RouteOptions } from '../app-type.ts'
import { pageOf, pageParameters, readCursor, usualLimit, writeCursor } from '../input/page.ts'
import { accountId, deletionId, deletionParams, noQuery } from '../input/path-params.ts'
import { readTimes, timeParameter } from '../input/time-parameter.ts'
import { problemResponse, problemResponses } from '../problem/problem-schema.ts'
import { shared } from '../schemas/building-blocks.ts'
import {
  type DeletionBody,
  type DeletionReportBody,
  deletionKinds,
  deletionReportSchema,
  deletionSchema,
  deletionStates,
  toDeletionBody,
  toReportBody,
} from '../schemas/deletion-schema.ts'
import { accountIdOf } from '../server/authorise.ts'

type DeletionsPage = { items: DeletionBody[]; next_cursor: string | null }

const visibility =
  'A sudo admin sees all deletions. Any other admin sees its own requests and the deletions of its account.'

const listQuery = Type.Object(
  {
    admin: Type.Optional(accountId("Only deletions of this account; `me`: the caller's own account.")),
    kind: Type.Optional(
      listOf('DeletionKind', deletionKinds, 'Only deletions of these kinds, separated by commas.', ['user']),
    ),
    state: Type.Optional(
      listOf('DeletionState', deletionStates, 'Only deletions in these states, separated by commas.', [
        'failed',
        'incomplete',
      ]),
    ),
    parent: Type.Optional(deletionId('Only receipts of users in this bulk deletion.')),
    from: timeParameter('Only deletions requested at or after this time. RFC 3339.'),
    to: timeParameter('Only deletions requested before this time. RFC 3339.'),
    ...pageParameters,
  },
  { additionalProperties: false, style: 'form', explode: false },
)

function listOf<Word extends string>(
  title: string,
  words: readonly Word[],
  description: string,
  example: Word[],
) {
  return Type.Array(Type.Unsafe<Word>({ type: 'string', title, enum: words }), {
    description: `${description} Left out: all.`,
    examples: [example],
  })
}

/** One page of the list. */
export const deletionPageSchema = pageOf('DeletionPage', shared(deletionSchema), 'One page of receipts.')

const listSchema = {
  operationId: 'listDeletions',
  tags: ['deletions'],
  summary: 'List deletions',
  description: `The receipts of all deletions, the newest first: caller, target, time and bytes. ${visibility}`,
  querystring: listQuery,
  response: {
    200: shared(deletionPageSchema),
    ...problemResponses(),
    404: problemResponse(
      404,
      '`admin=me`, but the caller has no account.',
      'You have no account of your own: the API key belongs to no admin; use an id from GET /admins.',
    ),
  },
}

const noDeletion = problemResponse(
  404,
  'The deletion does not exist, or the caller may not see it.',
  'There is no deletion with the id 9 that you may see.',
)

const readSchema = {
  operationId: 'getDeletion',
  tags: ['deletions'],
  summary: 'Read a deletion',
  description: `One receipt; for a bulk deletion also the progress and the users that were not deleted. ${visibility}`,
  params: deletionParams,
  querystring: noQuery,
  response: { 200: shared(deletionReportSchema), ...problemResponses(414), 404: noDeletion },
}

const cancelSchema = {
  operationId: 'cancelDeletion',
  tags: ['deletions'],
  summary: 'Cancel a bulk deletion',
  description:
    'The service starts to delete no more users; deleted users stay deleted. The answer does not wait for users that are ' +
    'being deleted: when they are finished, `state` becomes `cancelled`. A finished deletion does not change. Allowed for ' +
    'the caller that requested the deletion and for sudo admins.',
  params: deletionParams,
  querystring: noQuery,
  response: {
    202: {
      description: 'Accepted. The body shows the progress of the deletion.',
      content: { 'application/json': { schema: shared(deletionReportSchema) } },
    },
    ...problemResponses(413, 414, 415),
    403: problemResponse(
      403,
      'Another caller requested this deletion.',
      'Another caller asked for this deletion; only that caller or a sudo admin may cancel it.',
    ),
    404: noDeletion,
    409: problemResponse(
      409,
      'The deletion of a single user cannot be cancelled.',
      'The deletion of a single user cannot be cancelled.',
    ),
  },
}

/** The receipts of deletions, and the progress of those that run. */
export async function deletionReceiptRoutes(
  app: App,
  { services: { deletions } }: RouteOptions,
): Promise<void> {
  const config = { right: 'read account' } as const
  app.get('/deletions', { schema: listSchema, config }, async ({ caller, query }): Promise<DeletionsPage> => {
    const { items, next } = await deletions.list(caller, toPage(caller, query))
    return {
      items: items.map(toDeletionBody),
      next_cursor: next === null ? null : writeCursor({ sort, key: '', id: next }),
    }
  })

  app.get(
    '/deletions/:id',
    { schema: readSchema, config },
    async ({ caller, params }): Promise<DeletionReportBody> =>
      toReportBody(await deletions.report(caller, BigInt(params.id))),
  )

  app.delete(
    '/deletions/:id',
    { schema: cancelSchema, config: { right: 'cancel deletion' } },
    async ({ caller, params }, reply): Promise<DeletionReportBody> => {
      reply.code(202)
      return toReportBody(await deletions.cancel(caller, BigInt(params.id)))
    },
  )
}

/** The only order of this list. */
const sort = '-requested'

function toPage(caller: Caller, query: Static<typeof listQuery>): DeletionPage {
  const { admin, kind, state, parent, cursor } = query
  return {
    ...(admin !== undefined && { adminId: accountIdOf(caller, admin) }),
    ...(kind && { kinds: kind }),
    ...(state && { states: state }),
    ...(parent !== undefined && { parentId: BigInt(parent) }),
    ...readTimes(query),
    before: cursor === undefined ? null : readCursor(cursor, sort, (key) => key === '').id,
    limit: query.limit ?? usualLimit,
  }
}
