import type { FastifyReply } from 'fastify'
import Type, { type Static } from 'typebox'
import { LedgerError } from '../../errors.ts'
import { userStatuses } from '../../work/accounts/account-view.ts'
import type { Caller } from '../../work/callers/caller.ts'
import { type BulkRequest, countUsers } from '../../work/deleting/request-deletion.ts'
import type { LedgerApi } from '../../work/ledger-api.ts'
import type { App, RouteOptions } from '../app-type.ts'
import { accountId, adminParams, noQuery, panelName, plainText } from '../input/path-params.ts'
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
import { accountIdOf } from '../server/authorise.ts'

const deleteUserSchema = {
  operationId: 'deleteUser',
  tags: ['deletions'],
  summary: 'Delete a user',
  description:
    "Reads the user's traffic, stores this final reading, deletes the user in the panel, and answers with the receipt. If " +
    'the reading cannot be stored, the user is not deleted. You can repeat the call: no byte counts twice. If the user has ' +
    'no owner, no account receives its bytes, and `admin_id` is null. Allowed for the owner of the user and for sudo ' +
    'admins. Traffic is in bytes.',
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
            'false: delete without a final reading. Bytes that are not counted yet are lost. For sudo admins only.',
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
      'The user belongs to another admin, or `preserve_traffic=false` and the caller is not a sudo admin.',
      'User alice belongs to another admin.',
    ),
    404: problemResponse(
      404,
      'The panel has no such user. Its counted traffic is kept.',
      'The panel has no user alice; what it had consumed is kept.',
    ),
    409: problemResponse(
      409,
      'Another call is deleting this user now, or the panel may still act on an earlier deletion of this name. ' +
        '`Retry-After` says when to try again.',
      'User alice is being deleted already: see /deletions/1204.',
    ),
    502: problemResponse(
      502,
      'The panel failed, or something else answered in its place. `detail` says whether the traffic is preserved, and ' +
        'whether the user still exists or the result is unknown. The receipt with the id `deletion_id` shows the result ' +
        'later. If `code` is `user_unreadable`, a sudo admin can use `preserve_traffic=false`.',
      'Its traffic is preserved. User alice was not deleted: The panel cannot be reached (ECONNREFUSED). Is MARZBAN_URL right, and is the panel running?',
    ),
    504: problemResponse(
      504,
      'The panel did not answer in time. See 502.',
      'Its traffic is preserved. It is not known yet whether user alice was deleted (The panel did not answer DELETE /api/user/alice in time (10 s)); see /deletions/1204.',
    ),
  },
}

const accepted = {
  description: 'Accepted. The service deletes the users in the background.',
  headers: {
    Location: { type: 'string', description: 'The path that shows the progress: /deletions/{id}.' },
  },
  content: { 'application/json': { schema: shared(deletionReportSchema) } },
}

const deleteAdminSchema = {
  operationId: 'deleteAdmin',
  tags: ['deletions'],
  summary: 'Delete an admin with all its users',
  description:
    'Deletes all users of the admin, then the admin, and closes its account. For each user, the service first stores a final ' +
    'reading. You can read the closed account and its total for ever. If a user cannot be deleted, the admin is not ' +
    'deleted. For sudo admins only.',
  params: adminParams,
  querystring: noQuery,
  response: {
    202: accepted,
    ...problemResponses(404, 413, 414, 415),
    409: problemResponse(
      409,
      'The admin is already deleted, or is a sudo admin: the panel does not delete sudo admins.',
      'The account 3 is closed: its admin was deleted.',
    ),
  },
}

const byName = Type.Object(
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

const status = Type.Unsafe<(typeof userStatuses)[number]>({
  type: 'string',
  title: 'UserStatus',
  enum: userStatuses,
})

const byAdmin = Type.Object(
  {
    admin: accountId("The id of the account whose users to delete, or `me`: the caller's own account."),
    status: Type.Union(
      [
        Type.Array(status, { minItems: 1, maxItems: userStatuses.length, uniqueItems: true }),
        status,
        Type.Literal('all'),
      ],
      {
        description:
          'Only users with these statuses. The service checks the status again right before it deletes a user. A single ' +
          'status needs no list. `all`: every user.',
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

const deleteUsersSchema = {
  operationId: 'deleteUsers',
  tags: ['deletions'],
  summary: 'Delete many users',
  description:
    "Deletes the named users, or an admin's users by status. For each user, the service first stores a final reading. It " +
    'deletes at most 4 users at a time; callers take turns, user by user. After a restart, the deletion continues. ' +
    'Names that are not users of the calling admin are refused at once, each with a receipt (`not_yours_or_unknown`). The ' +
    'service asks the panel for up to 50 names that it does not know yet. A sudo admin may name any user; names without a ' +
    'user fail (`unknown_user`). Limits: an admin can have 10 open bulk deletions with 20,000 users, a sudo admin 100 ' +
    'with 200,000.',
  headers: Type.Object({
    // Node.js writes header names in lower case.
    'idempotency-key': Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 255,
        ...plainText,
        description:
          'Any new text for each deletion, for example a UUID. If you repeat a request with the same key and body, it ' +
          'starts no second deletion; you get the first one.',
        examples: ['0b0e7e7c-5f6f-4c5e-9d3b-8c7f3a1d2e4f'],
      }),
    ),
  }),
  querystring: noQuery,
  body: Type.Union([byName, byAdmin]),
  response: {
    202: accepted,
    ...problemResponses(404, 413, 415),
    400: problemResponse(
      400,
      'The body is wrong: `errors` names the field and says what is right. If `status` is missing, `detail` says how many ' +
        'users "all" would delete.',
      'status is missing: it must be a list of active, disabled, limited, expired, on_hold, or all.',
    ),
    429: problemResponse(
      429,
      'The caller has too many open bulk deletions, or too many users in them: `detail` has the numbers. Or this address ' +
        'sent too many wrong credentials.',
      'You have 10 bulk deletions open, and may have 10: wait until one has ended, or cancel one.',
    ),
    409: problemResponse(
      409,
      'The Idempotency-Key was used for another request, or the admin is already deleted.',
      'This Idempotency-Key was used for another request; use a new one.',
    ),
  },
}

/** Deleting a user, many users, or an admin. */
export async function deleteRoutes(app: App, { services }: RouteOptions): Promise<void> {
  const { deletions } = services
  app.delete(
    '/users/:username',
    { schema: deleteUserSchema, config: { right: 'delete user' } },
    async ({ caller, params, query }): Promise<DeletionBody> =>
      toDeletionBody(await deletions.deleteUser(caller, params.username, query.preserve_traffic ?? true)),
  )

  app.delete(
    '/admins/:id',
    { schema: deleteAdminSchema, config: { right: 'delete admin' } },
    async ({ caller, params }, reply): Promise<DeletionReportBody> => {
      const wholeAdminId = accountIdOf(caller, params.id)
      return accept(reply, toReportBody(await deletions.request(caller, { wholeAdminId }, null)))
    },
  )

  app.post(
    '/deletions',
    {
      schema: deleteUsersSchema,
      config: { right: 'delete users' },
      preValidation: ({ caller, body }) => refuseWithoutStatus(services, caller, body),
    },
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

/** Sorted, so that a repeated request with another order is the same request. Null: all statuses. */
function statusesOf(given: Static<typeof byAdmin>['status']): string[] | null {
  return given === 'all' ? null : [given].flat().sort()
}

/** Many clients leave out undefined members, so a missing `status` must never mean every user. */
async function refuseWithoutStatus(services: LedgerApi, caller: Caller, body: unknown): Promise<void> {
  if (typeof body !== 'object' || body === null || 'usernames' in body || 'status' in body) return
  if (!('admin' in body) || !isAccountId(body.admin)) return
  const account = await services.account(accountIdOf(caller, body.admin, 'delete users'))
  if (!account || account.closedAt) return
  throw new LedgerError(
    'invalid_request',
    `status is missing: it must be a list of ${userStatuses.join(', ')}, or "all". "all" would delete the ` +
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
