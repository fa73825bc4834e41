import type { FastifyReply } from 'fastify'
import Type, { type Static } from 'typebox'
import { LedgerError } from '../../errors.ts'
import { userStatuses } from '../../work/accounts/account-view.ts'
import type { Caller } from '../../work/callers/caller.ts'
import { type BulkRequest, countUsers } from '../../work/deleting/request-deletion.ts'
import type { LedgerApi } from '../../work/ledger-api.ts'
import type { App, RouteOptions } from '../app-type.ts'
import { accountId, adminParams, noQuery, panelName } from '../input/path-params.ts'
import { problemResponse, problemResponses } from '../problem/problem-schema.ts'
import { shared } from '../schemas/building-blocks.ts'
import {
  type DeletionBody,
  type DeletionReportBody,
  deletionReportSchema,
  deletionSchema,
  toDeletionBody,
  toReportBody,
} from '../schemas/deletion-schema.ts'
import { accountIdOf, onlyWithRight } from '../server/authorise.ts'

const userSchema = {
  operationId: 'deleteUser',
  tags: ['deletions'],
  summary: 'Delete a user',
  description:
    "Stores the final reading of the user's traffic, then deletes the user in the panel, and answers with the receipt. " +
    'If the reading cannot be stored, nothing is deleted. Repeating the call is safe: no byte is counted twice. Of a user ' +
    'without an owner the receipt says, with `admin_id: null`, that no account received bytes. For the admin that owns ' +
    'the user, and for sudo admins. Traffic is in bytes.',
  params: Type.Object({
    username: Type.String({
      ...panelName,
      description: "The user's name in the panel, percent-encoded.",
      examples: ['alice'],
    }),
  }),
  querystring: Type.Object(
    {
      preserve_traffic: Type.Optional(
        Type.Boolean({
          default: true,
          description:
            'False: delete without a final reading. What was counted before stays; what was not is lost. For sudo admins.',
          examples: [true],
        }),
      ),
    },
    { additionalProperties: false },
  ),
  response: {
    200: shared(deletionSchema),
    ...problemResponses(413, 414, 415),
    403: problemResponse(
      403,
      "Another admin's user, or `preserve_traffic=false` of a caller that is not sudo.",
    ),
    404: problemResponse(404, 'The panel has no such user. What it had consumed is kept.'),
    409: problemResponse(
      409,
      'Somebody else is deleting this user right now, or the panel may still carry out an earlier deletion of this name: ' +
        '`Retry-After` says when to try again.',
    ),
    502: problemResponse(
      502,
      'The panel failed, or something else answered in its place. `detail` says whether the traffic is preserved, and ' +
        'whether the user was not deleted or that is not known yet; the receipt `deletion_id` will say. With ' +
        '`user_unreadable`, a sudo admin can go on with `preserve_traffic=false`.',
    ),
    504: problemResponse(504, 'The panel did not answer in time; see 502.'),
  },
}

const accepted = {
  description: 'Accepted: the users are deleted in the background.',
  headers: { Location: { type: 'string', description: 'Where progress can be read: /deletions/{id}.' } },
  content: { 'application/json': { schema: shared(deletionReportSchema) } },
}

const adminSchema = {
  operationId: 'deleteAdmin',
  tags: ['deletions'],
  summary: 'Delete an admin with all its users',
  description:
    'Deletes all users of the admin, each with its final reading stored first, then the admin, and closes its account. ' +
    'The account with its final total can be read for ever. If users are left that could not be deleted, the admin is ' +
    'not deleted either. For sudo admins.',
  params: adminParams,
  querystring: noQuery,
  response: {
    202: accepted,
    ...problemResponses(404, 413, 414, 415),
    409: problemResponse(
      409,
      'The admin was deleted already, or is a sudo admin, which the panel refuses to delete.',
    ),
  },
}

const named = Type.Object(
  {
    usernames: Type.Array(Type.String({ ...panelName, examples: ['alice'] }), {
      minItems: 1,
      maxItems: 10_000,
      uniqueItems: true,
      description: 'Names of users in the panel.',
      examples: [['alice', 'bob']],
    }),
  },
  { additionalProperties: false, description: 'Users by name.', examples: [{ usernames: ['alice', 'bob'] }] },
)

const status = Type.Unsafe<(typeof userStatuses)[number]>({ type: 'string', enum: userStatuses })

const ofAdmin = Type.Object(
  {
    admin: accountId("The id of the account whose users are deleted, or `me`: the caller's own."),
    status: Type.Union(
      [
        Type.Array(status, { minItems: 1, maxItems: userStatuses.length, uniqueItems: true }),
        status,
        Type.Literal('all'),
      ],
      {
        description:
          'Only users of these statuses, also by the time they are deleted; one alone may stand without a list. ' +
          '`all`: every user.',
        examples: [['expired', 'limited'], 'all'],
      },
    ),
  },
  {
    additionalProperties: false,
    description: 'Users of an admin.',
    examples: [{ admin: 3, status: ['expired'] }],
  },
)

const bulkSchema = {
  operationId: 'deleteUsers',
  tags: ['deletions'],
  summary: 'Delete many users',
  description:
    'Deletes users by name, or those of an admin, each with its final reading stored first, at most 4 at a time. Callers ' +
    'take turns, user by user. A restart of the service goes on where it stopped. Names that are not users of the ' +
    'calling admin are refused at once, with a receipt each (`not_yours_or_unknown`); of names that the ledger does not ' +
    'know yet, up to 50 are looked up at the panel first. A sudo admin may name anyone; names that nobody has fail ' +
    '(`unknown_user`). An admin may have 10 bulk deletions open with 20,000 users in them, a sudo admin 100 with 200,000.',
  headers: Type.Object({
    // Written as Node.js hands headers out.
    'idempotency-key': Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 255,
        pattern: '^[^\\u0000-\\u001f\\u007f]*$',
        description:
          'Any text that is new for each deletion, such as a UUID. A request repeated with the same key and body opens ' +
          'no second deletion, but answers with the first.',
        examples: ['0b0e7e7c-5f6f-4c5e-9d3b-8c7f3a1d2e4f'],
      }),
    ),
  }),
  querystring: noQuery,
  body: Type.Union([named, ofAdmin]),
  response: {
    202: accepted,
    ...problemResponses(404, 413, 415),
    400: problemResponse(
      400,
      'Something in the body is wrong: `errors` names it and what would be right. Without `status`, also how many users ' +
        'would have been deleted.',
    ),
    429: problemResponse(
      429,
      'The caller has too many bulk deletions open, or too many users in them: `detail` has the figures. Or too many ' +
        'failed authentications came from this address.',
    ),
    409: problemResponse(
      409,
      'The Idempotency-Key was used for another request, or the admin was deleted already.',
    ),
  },
}

/** Calls that delete. */
export async function deletingRoutes(app: App, { services }: RouteOptions): Promise<void> {
  const { deletions } = services
  app.delete(
    '/users/:username',
    { schema: userSchema },
    async ({ caller, params, query }): Promise<DeletionBody> =>
      toDeletionBody(await deletions.deleteUser(caller, params.username, query.preserve_traffic ?? true)),
  )

  app.delete(
    '/admins/:id',
    { schema: adminSchema, onRequest: onlyWithRight('delete admin') },
    async ({ caller, params }, reply): Promise<DeletionReportBody> => {
      const wholeAdminId = accountIdOf(caller, params.id)
      return accept(reply, toReportBody(await deletions.request(caller, { wholeAdminId }, null)))
    },
  )

  app.post(
    '/deletions',
    { schema: bulkSchema, preValidation: ({ caller, body }) => refuseWithoutStatus(services, caller, body) },
    async ({ caller, body, headers }, reply): Promise<DeletionReportBody> => {
      const request: BulkRequest =
        'usernames' in body
          ? { usernames: body.usernames }
          : { adminId: accountIdOf(caller, body.admin, 'delete users'), statuses: statusesOf(body.status) }
      const report = await deletions.request(caller, request, headers['idempotency-key'] ?? null)
      return accept(reply, toReportBody(report))
    },
  )
}

/** In one order, so that a request repeated with another is the same. Null: all. */
function statusesOf(given: Static<typeof ofAdmin>['status']): string[] | null {
  return given === 'all' ? null : [given].flat().sort()
}

/** A client that drops what is undefined means no status in particular, and never means everybody. */
async function refuseWithoutStatus(services: LedgerApi, caller: Caller, body: unknown): Promise<void> {
  if (typeof body !== 'object' || body === null || 'usernames' in body || 'status' in body) return
  if (!('admin' in body) || !isAccountId(body.admin)) return
  const account = await services.account(accountIdOf(caller, body.admin, 'delete users'))
  if (!account || account.closedAt) return
  throw new LedgerError(
    'invalid_request',
    `status is missing: it must be a list of ${userStatuses.join(', ')}, or "all", which would delete the ` +
      `${countUsers(account, null)} users that ${account.username} has now.`,
    { field: 'status' },
  )
}

function isAccountId(value: unknown): value is number | 'me' {
  return value === 'me' || (Number.isSafeInteger(value) && Number(value) > 0)
}

function accept(reply: FastifyReply, report: DeletionReportBody): DeletionReportBody {
  reply.code(202).header('location', `/deletions/${report.id}`)
  return report
}
