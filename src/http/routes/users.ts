import Type, { type Static } from 'typebox'
import { LedgerError } from '../../errors.ts'
import type { LedgerApi } from '../../work/ledger-api.ts'
import type { App, RouteOptions } from '../app-type.ts'
import { pageOf, pageParameters, readCursor, usualLimit, writeCursor } from '../input/page.ts'
import { adminParams } from '../input/path-params.ts'
import { problemResponses } from '../problem/problem-schema.ts'
import { int64, int64OrNull, named, shared, timeOrNull } from '../schemas/building-blocks.ts'
import { accountIdOf } from '../server/authorise.ts'

const states = ['current', 'ended'] as const
const ends = ['panel', 'transfer', 'service'] as const
type ListedUser = Awaited<ReturnType<LedgerApi['tenures']>>['items'][number]

/** One user under one admin: an item of `GET /admins/{id}/users`. */
export const userSchema = named(
  'User',
  Type.Object(
    {
      username: Type.String({ examples: ['alice'] }),
      created_at: Type.String({
        format: 'date-time',
        description:
          'When the panel created the user, with its microseconds. RFC 3339, UTC. Tells users of one name apart.',
        examples: ['2026-11-22T10:32:39.350617Z'],
      }),
      status: Type.String({
        description: "The user's last known status in the panel.",
        examples: ['active'],
      }),
      counted_traffic: int64('Bytes that the admin was charged for this user.', 5_242_880),
      lifetime_reading: int64("Bytes: the last reading of the user's lifetime traffic.", 5_242_880),
      data_limit: int64OrNull("Bytes: the user's limit in the panel; null: none.", 10_485_760),
      expire: int64OrNull(
        'Seconds since 1970 at which the user expires in the panel; null: never.',
        1_795_000_000,
      ),
      state: Type.Unsafe<(typeof states)[number]>({
        type: 'string',
        enum: states,
        description: '`current`: the user exists under this admin; `ended`: it is gone or moved.',
      }),
      ended_at: timeOrNull('When that was noticed.'),
      ended_by: Type.Unsafe<(typeof ends)[number] | null>({
        type: 'string',
        enum: [...ends, null],
        nullable: true,
        description:
          '`panel`: the panel no longer knows the user; `transfer`: it has another owner; `service`: it was deleted here.',
      }),
    },
    { description: 'What one user has consumed under one admin.' },
  ),
)
type UserBody = Static<typeof userSchema>
type UsersPage = { items: UserBody[]; next_cursor: string | null }

const schema = {
  operationId: 'listAdminUsers',
  tags: ['admins'],
  summary: "List an admin's users",
  description:
    'What each user of an admin has counted, in bytes, deleted users included; in the order in which they were first seen.',
  params: adminParams,
  querystring: Type.Object(
    {
      state: Type.Optional(
        Type.Array(Type.Unsafe<(typeof states)[number]>({ type: 'string', enum: states }), {
          description: 'Only users in these states, separated by commas. Left out: all.',
          examples: [['current', 'ended']],
        }),
      ),
      ...pageParameters,
    },
    { additionalProperties: false, style: 'form', explode: false },
  ),
  response: { 200: pageOf(shared(userSchema), 'One page of users.'), ...problemResponses(404, 414) },
}

/** Users by admin, also those that are gone. */
export async function userRoutes(app: App, { services }: RouteOptions): Promise<void> {
  app.get('/admins/:id/users', { schema }, async ({ caller, params, query }): Promise<UsersPage> => {
    const adminId = accountIdOf(caller, params.id)
    const wanted = query.state ?? states
    const after = query.cursor === undefined ? null : readCursor(query.cursor, sort, (key) => key === '').id
    if (!(await services.account(adminId))) {
      throw new LedgerError('not_found', `There is no account with the id ${adminId}.`)
    }
    const { items, next } = await services.tenures({
      adminId,
      current: wanted.includes('current'),
      ended: wanted.includes('ended'),
      after,
      limit: query.limit ?? usualLimit,
    })
    return {
      items: items.map(toUserBody),
      next_cursor: next === null ? null : writeCursor({ sort, key: '', id: next }),
    }
  })
}

/** The one order users are listed in; no account list has it. */
const sort = 'first_seen'

function toUserBody(user: ListedUser): UserBody {
  return {
    username: user.username,
    created_at: `${user.createdAt.replace(' ', 'T')}Z`,
    status: user.status,
    counted_traffic: user.counted,
    lifetime_reading: user.reading,
    data_limit: user.dataLimit,
    expire: user.expire,
    state: user.endedBy === null ? 'current' : 'ended',
    ended_at: user.endedAt,
    ended_by: user.endedBy,
  }
}
