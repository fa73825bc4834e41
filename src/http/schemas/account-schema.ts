import Type, { type Static } from 'typebox'
import { accountStates, figuresOf, userStatuses } from '../../work/accounts/account-view.ts'
import type { LedgerApi } from '../../work/ledger-api.ts'
import { int64, named, time, timeOrNull } from './building-blocks.ts'

/** An account as the services hand it out. */
export type Account = NonNullable<Awaited<ReturnType<LedgerApi['account']>>>

const adminFields = {
  id: int64("The account's id.", 3),
  username: Type.String({ description: "The admin's name in the panel.", examples: ['reseller'] }),
  is_sudo: Type.Boolean({ description: 'Whether the panel lets this admin manage all others.' }),
  state: Type.Unsafe<(typeof accountStates)[number]>({
    type: 'string',
    enum: accountStates,
    description:
      '`open`; `missing`: the panel no longer lists the admin; `closed`: the admin was deleted, its figures stay.',
    examples: ['open'],
  }),
}

const trafficFields = {
  total_traffic: int64(
    "Bytes that the admin's users have ever consumed. Never decreases. The sum of the next three.",
    7_340_032,
  ),
  current_traffic: int64('Bytes of users that exist.', 5_242_880),
  preserved_traffic: int64('Bytes of users that were deleted or moved to another admin.', 1_048_576),
  unattributed_traffic: int64(
    "Bytes that only the panel's counter of the admin has seen, of no user in particular.",
    1_048_576,
  ),
}

const numberOf = Object.fromEntries(
  userStatuses.map((status) => [status, int64(`Users that are ${status} in the panel.`, 1)]),
) as Record<(typeof userStatuses)[number], ReturnType<typeof int64>>

const users = Type.Object(
  {
    total: int64('Users that exist, whatever their status, also one that is not listed here.', 5),
    ...numberOf,
    deleted: int64('Users that are gone.', 2),
  },
  { description: 'How many users the admin has.' },
)

const asOf = timeOrNull('The figures are true as of this time; null: nothing has been read yet.')

/** The figures of an admin: the body of `GET /admins/{id}/stats`. */
export const statsSchema = named(
  'Stats',
  Type.Object(
    {
      admin: Type.Object(adminFields),
      ...trafficFields,
      users,
      // Clients are told the shape that limits will have, not that there never will be any.
      limit: Type.Unsafe<null>({
        type: 'object',
        nullable: true,
        description: 'The traffic limit. This version keeps none: always null.',
      }),
      as_of: asOf,
      stale: Type.Boolean({ description: 'Whether the figures are older than they should be.' }),
    },
    { description: 'What the users of an admin have consumed. All traffic in bytes.' },
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
        'The part of the total from before the account was first read completely.',
        4_194_304,
      ),
      users,
      first_seen_at: time('When the service first saw the admin.'),
      missing_since: timeOrNull('Since when the panel no longer lists the admin.'),
      closed_at: timeOrNull('When the admin was deleted through this service.'),
      last_updated: time('When the total last grew.'),
      as_of: asOf,
    },
    { description: 'The account of an admin. All traffic in bytes.' },
  ),
)
export type AccountBody = Static<typeof accountSchema>

/** The body that tells `account`. */
export function toStatsBody(account: Account, stale: boolean): StatsBody {
  const figures = figuresOf(account)
  return {
    admin: { id: account.id, username: account.username, is_sudo: account.isSudo, state: figures.state },
    total_traffic: figures.total,
    current_traffic: figures.current,
    preserved_traffic: figures.preserved,
    unattributed_traffic: figures.unattributed,
    users: figures.users,
    limit: null,
    as_of: account.asOf,
    stale,
  }
}

/** The item that tells `account`. */
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
    first_seen_at: account.firstSeenAt,
    missing_since: account.missingSince,
    closed_at: account.closedAt,
    last_updated: account.lastUpdated,
    as_of: account.asOf,
  }
}
