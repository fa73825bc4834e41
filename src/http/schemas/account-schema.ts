import Type, { type Static } from 'typebox'
import { accountStates, figuresOf, userStatuses } from '../../work/accounts/account-view.ts'
import type { LedgerApi } from '../../work/ledger-api.ts'
import { int64, named, time, timeOrNull } from './building-blocks.ts'
import { limitStatusOrNull, toLimitStatusBody } from './limit-schema.ts'

/** An account as the services return it. */
export type Account = NonNullable<Awaited<ReturnType<LedgerApi['account']>>>

const adminFields = {
  id: int64("The account's id.", 3),
  username: Type.String({ description: "The admin's name in the panel.", examples: ['reseller'] }),
  is_sudo: Type.Boolean({ description: 'Whether the admin is a sudo admin of the panel.' }),
  state: Type.Unsafe<(typeof accountStates)[number]>({
    type: 'string',
    title: 'AccountState',
    enum: accountStates,
    description:
      '`open`; `missing`: the panel no longer lists the admin; `closed`: the admin is deleted, its figures stay.',
    examples: ['open'],
  }),
}

const trafficFields = {
  total_traffic: int64(
    "All bytes that the admin's users ever consumed. Never falls. It is the sum of the next three.",
    7_340_032,
  ),
  current_traffic: int64('Bytes of users that exist.', 5_242_880),
  preserved_traffic: int64('Bytes of users that were deleted or moved to another admin.', 1_048_576),
  unattributed_traffic: int64(
    "Bytes that only the panel's counter of the admin saw. No single user has them.",
    1_048_576,
  ),
}

const numberOf = Object.fromEntries(
  userStatuses.map((status) => [status, int64(`Users with the status ${status} in the panel.`, 1)]),
) as Record<(typeof userStatuses)[number], ReturnType<typeof int64>>

const users = Type.Object(
  {
    total: int64('Users that exist. This includes users with a status that is not listed here.', 5),
    ...numberOf,
    deleted: int64('Users that no longer exist.', 2),
  },
  { description: 'How many users the admin has.' },
)

const asOf = timeOrNull('The time of the figures; null: the service has read nothing yet.')

/** The figures of an admin: the body of `GET /admins/{id}/stats`. */
export const statsSchema = named(
  'Stats',
  Type.Object(
    {
      admin: Type.Object(adminFields),
      ...trafficFields,
      users,
      limit: limitStatusOrNull,
      as_of: asOf,
      stale: Type.Boolean({ description: 'Whether the figures are older than they should be.' }),
    },
    { description: 'The traffic of the users of an admin, in bytes.' },
  ),
)
export type StatsBody = Static<typeof statsSchema>

/** An account: an item of `GET /admins`. */
export const accountSchema = named(
  'Account',
  Type.Object(
    {
      ...adminFields,
      ...trafficFields,
      opening_balance: int64(
        'The part of the total from before the first complete scan of the account.',
        4_194_304,
      ),
      users,
      limit: limitStatusOrNull,
      first_seen_at: time('When the service first saw the admin.'),
      missing_since: timeOrNull('When the panel stopped listing the admin.'),
      closed_at: timeOrNull('When the admin was deleted through this service.'),
      last_updated: time('When the total last grew.'),
      as_of: asOf,
    },
    { description: 'The account of an admin. Traffic is in bytes.' },
  ),
)
export type AccountBody = Static<typeof accountSchema>

/** The body for `account`. */
export function toStatsBody(account: Account, stale: boolean): StatsBody {
  const figures = figuresOf(account)
  return {
    admin: { id: account.id, username: account.username, is_sudo: account.isSudo, state: figures.state },
    total_traffic: figures.total,
    current_traffic: figures.current,
    preserved_traffic: figures.preserved,
    unattributed_traffic: figures.unattributed,
    users: figures.users,
    limit: figures.limit && toLimitStatusBody(figures.limit),
    as_of: account.asOf,
    stale,
  }
}

/** The list item for `account`. */
export function toAccountBody(account: Account): AccountBody {
  const figures = figuresOf(account)
  return {
    id: account.id,
    username: account.username,
    is_sudo: account.isSudo,
    state: figures.state,
    total_traffic: figures.total,
    current_traffic: figures.current,
    preserved_traffic: figures.preserved,
    unattributed_traffic: figures.unattributed,
    opening_balance: account.openingBalance,
    users: figures.users,
    limit: figures.limit && toLimitStatusBody(figures.limit),
    first_seen_at: account.firstSeenAt,
    missing_since: account.missingSince,
    closed_at: account.closedAt,
    last_updated: account.lastUpdated,
    as_of: account.asOf,
  }
}
