import { sql } from 'kysely'
import type { LimitState } from '../../ledger/limit.ts'
import type { Database } from '../connection/database.ts'
import { anyGiven } from '../connection/given.ts'
import { keyOf } from '../connection/name-key.ts'
import { prepareQuery } from '../connection/prepared-statements.ts'
import { type HoldFigures, holdFigures } from '../holds/hold-figures.ts'
import {
  isExpired,
  isPending,
  type LimitFigures,
  type LimitRow,
  limitColumns,
  limitState,
  toLimitFigures,
  usedPercent,
  usedPercentOf,
} from '../limits/limit-figures.ts'

/** An account as callers see it: the admin, its figures in bytes, its users by status, and how recent all of it is. */
export type AccountView = {
  id: bigint
  username: string
  isSudo: boolean
  firstSeenAt: Date
  missingSince: Date | null
  closedAt: Date | null
  total: bigint
  usersCounted: bigint
  preserved: bigint
  openingBalance: bigint
  /** When the total last grew. */
  lastUpdated: Date
  /** Users by status; `deleted` are those that are gone. */
  users: Record<string, bigint>
  /** The account is true as of this time; null: nothing has been read yet. */
  asOf: Date | null
  /** For how many milliseconds it has been so, by the clock that `asOf` is from; null: nothing has been read yet. */
  ageMs: number | null
  /** Whether the panel counts this admin's traffic: polls renew the account, otherwise only scans do. */
  hasPanelReading: boolean
  /** Whether the last poll of the panel failed. */
  panelFailing: boolean
  /** Null: the account has no limit. */
  limit: LimitFigures | null
  /** Null: its users are not held. */
  hold: HoldFigures | null
}

const columns = [
  'admins.id',
  'admins.username',
  'admins.is_sudo as isSudo',
  'admins.first_seen_at as firstSeenAt',
  'admins.missing_since as missingSince',
  'admins.closed_at as closedAt',
  'account.total_traffic_consumed as total',
  'account.users_counted as usersCounted',
  'account.preserved_counted as preserved',
  'account.opening_balance as openingBalance',
  'account.last_updated as lastUpdated',
] as const

/** Whether polls renew the account. What an older release of the panel has counted before does not. */
const isPolled = sql<boolean>`(account.panel_reading is not null and poll.has_admin_usage is not false)`

/** A poll reads every admin at once and rewrites only the accounts it changes. It does not read a counter that is odd. */
const asOf = sql<Date | null>`(case when ${isPolled} and odd.id is null
  then greatest(account.read_at, poll.succeeded_asked_at) else account.read_at end)`

function accounts(db: Database) {
  return db
    .selectFrom('admins')
    .innerJoin('cumulative_traffic as account', 'account.admin_id', 'admins.id')
    .crossJoin('panel_poll as poll')
    .leftJoin('unreadable_items as odd', (join) =>
      join
        .on('odd.kind', '=', sql.lit('admin'))
        .on(sql`coalesce(name_key(odd.name), '')`, '=', sql`name_key(admins.username)`),
    )
    .leftJoin('limits', 'limits.admin_id', 'admins.id')
    .leftJoin('limit_periods as period', (join) =>
      join.onRef('period.admin_id', '=', 'limits.admin_id').on('period.closed_at', 'is', null),
    )
    .select(columns)
    .select(limitColumns)
    .select([
      sql<Record<string, number>>`coalesce((
        select json_object_agg(status, users) from account_users where admin_id = admins.id
      ), '{}')`.as('users'),
      asOf.as('asOf'),
      sql<number | null>`extract(epoch from clock_timestamp() - ${asOf})::float8 * 1000`.as('ageMs'),
      isPolled.as('hasPanelReading'),
      sql<boolean>`poll.error_code is not null`.as('panelFailing'),
      isExpired.as('isExpired'),
      isPending.as('isPending'),
      holdFigures.as('hold'),
    ])
}

/** One account by its admin's id; null when there is none. Open and closed accounts alike. */
export async function findAccount(db: Database, adminId: bigint): Promise<AccountView | null> {
  const [account] = await findAccounts(db, [adminId])
  return account ?? null
}

/** The accounts of these admins, in no order, by one statement; an id that no admin has is left out. */
export async function findAccounts(db: Database, adminIds: readonly bigint[]): Promise<AccountView[]> {
  const { rows } = await db.executeQuery(accountsById(db, [adminIds]))
  return rows.map(toAccountView)
}

const accountsById = prepareQuery('accounts_by_id', (db: Database) =>
  accounts(db).where('admins.id', '=', anyGiven('bigint', [0n])),
)

/** The open account of the admin named `username`; null when there is none. */
export async function findOpenAccount(db: Database, username: string): Promise<AccountView | null> {
  const row = await accounts(db)
    .where(sql`name_key(admins.username)`, '=', keyOf(username))
    .where('admins.closed_at', 'is', null)
    .executeTakeFirst()
  return row ? toAccountView(row) : null
}

export type AccountSort = 'id' | 'username' | 'total_traffic' | 'used_percent'
/** The last row of the page before: its sort key, as text, and its id. */
export type AccountCursor = { key: string; id: bigint }
export type AccountPage = {
  sort: AccountSort
  descending: boolean
  limit: number
  after: AccountCursor | null
  /** Only the admin of exactly this name (every account it ever had). */
  username?: string
  /** Only accounts whose limit is in one of these states. */
  limitStates?: readonly LimitState[]
}

const sortKeys = {
  id: { column: 'admins.id', type: 'bigint' },
  // A cursor has to fit into a URL, and a name may not.
  username: { column: 'name_key(admins.username)', type: 'text' },
  total_traffic: { column: 'account.total_traffic_consumed', type: 'bigint' },
  used_percent: { column: usedPercent, type: 'numeric' },
} as const

/** One page of accounts and the cursor of the next; null when this is the last. */
export async function listAccounts(
  db: Database,
  page: AccountPage,
): Promise<{ accounts: AccountView[]; next: AccountCursor | null }> {
  const { column, type } = sortKeys[page.sort]
  const direction = page.descending ? 'desc' : 'asc'
  let query = accounts(db)
  if (page.username !== undefined)
    query = query.where(sql`name_key(admins.username)`, '=', keyOf(page.username))
  if (page.limitStates) query = query.where(limitState, '=', sql<LimitState>`any(${[...page.limitStates]})`)
  if (page.after) query = query.where(isAfter(page.after, column, type, page.descending))
  const rows = await query
    .orderBy(sql.raw(column), direction)
    .orderBy('admins.id', direction)
    .limit(page.limit + 1)
    .execute()
  const found = rows.slice(0, page.limit).map(toAccountView)
  const last = found.at(-1)
  const next =
    rows.length > page.limit && last ? { key: await sortKeyOf(db, last, page.sort), id: last.id } : null
  return { accounts: found, next }
}

function isAfter(cursor: AccountCursor, column: string, type: string, descending: boolean) {
  return sql<boolean>`(${sql.raw(column)}, admins.id) ${sql.raw(descending ? '<' : '>')}
    (${cursor.key}::${sql.raw(type)}, ${cursor.id})`
}

async function sortKeyOf(db: Database, row: AccountView, sort: AccountSort): Promise<string> {
  if (sort === 'username') {
    const { rows } = await sql<{ key: string }>`select ${keyOf(row.username)} as key`.execute(db)
    return rows[0]?.key ?? ''
  }
  if (sort === 'used_percent') return String(usedPercentOf(row.limit, row.total))
  return String(sort === 'id' ? row.id : row.total)
}

type AccountRow = Omit<AccountView, 'users' | 'limit'> & LimitRow & { users: Record<string, number> }

function toAccountView(row: AccountRow): AccountView {
  const users = Object.entries(row.users).map(([status, count]) => [status, BigInt(count)] as const)
  return { ...row, users: Object.fromEntries(users), limit: toLimitFigures(row) }
}
