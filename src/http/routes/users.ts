import Type, { type Static } from 'typebox'
import { noAccount } from '../../errors.ts'
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
          'When the panel created the user, with microseconds. RFC 3339, UTC. It tells users of the same name apart.',
        examples: ['2026-11-22T10:32:39.350617Z'],
      }),
      status: Type.String({
        description: "The user's last known status in the panel.",
        examples: ['active'],
      }),
      counted_traffic: int64('Bytes of this user in the total of the admin.', 5_242_880),
      lifetime_reading: int64("Bytes: the user's lifetime traffic at the last reading.", 5_242_880),
      data_limit: int64OrNull("Bytes: the user's limit in the panel; null: no limit.", 10_485_760),
      expire: int64OrNull(
        'When the user expires in the panel, in seconds since 1970; null: never.',
        1_795_000_000,
      ),
      state: Type.Unsafe<(typeof states)[number]>({
        type: 'string',
        title: 'UserState',
        enum: states,
        description: '`current`: the user belongs to this admin; `ended`: it no longer exists or was moved.',
      }),
      ended_at: timeOrNull('When the service noticed the end; null: not ended.'),
      ended_by: Type.Unsafe<(typeof ends)[number] | null>({
        type: 'string',
        title: 'UserEnd',
        enum: [...ends, null],
        nullable: true,
        description:
          '`panel`: the panel no longer has the user; `transfer`: it has another owner; `service`: this service deleted it.',
      }),
    },
    { description: 'The traffic of one user under one admin.' },
  ),
)
type UserBody = Static<typeof userSchema>
type UsersPage = { items: UserBody[]; next_cursor: string | null }

/** One page of the list. */
export const userPageSchema = pageOf('UserPage', shared(userSchema), 'One page of users.')

const schema = {
  operationId: 'listAdminUsers',
  tags: ['admins'],
  summary: "List an admin's users",
  description:
    'The counted traffic of each user of an admin, in bytes, deleted users included. The order is that of first sight.',
  params: adminParams,
  querystring: Type.Object(
    {
      state: Type.Optional(
        Type.Array(
          Type.Unsafe<(typeof states)[number]>({ type: 'string', title: 'UserState', enum: states }),
          {
            description: 'Only users in these states, separated by commas. Left out: all.',
            examples: [['current', 'ended']],
          },
        ),
      ),
      ...pageParameters,
    },
    { additionalProperties: false, style: 'form', explode: false },
  ),
  response: { 200: shared(userPageSchema), ...problemResponses(404, 414) },
}

/** The users of an admin, deleted ones included. */
export async function userRoutes(app: App, { services }: RouteOptions): Promise<void> {
  app.get(
    '/admins/:id/users',
    { schema, config: { right: 'read account' } },
    async ({ caller, params, query }): Promise<UsersPage> => {
      const adminId = accountIdOf(caller, params.id)
      const wanted = query.state ?? states
      const after = query.cursor === undefined ? null : readCursor(query.cursor, sort, (key) => key === '').id
      if (!(await services.account(adminId))) throw noAccount(adminId)
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
    },
  )
}

/** The only order of this list. No list of accounts has it, so their cursors do not fit here. */
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
