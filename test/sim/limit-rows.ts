import { sql } from 'kysely'
import type { Database } from '../../src/store/connection/database.ts'

/** Times are milliseconds since 1970, traffic is bytes; ids of accounts are in `account`. */
export type LimitedAccount = {
  id: string
  admin: string
  isClosed: boolean
  isOpened: boolean
  total: bigint
}
export type LimitRow = {
  account: string
  version: bigint
  bytes: bigint | null
  unit: string | null
  carryOver: string
  countFrom: string
  validUntil: number | null
  warnAt: number[]
  onExceed: string
}
export type PeriodRow = {
  id: bigint
  account: string
  startsAt: number
  endsAt: number | null
  totalAtStart: bigint | null
  carried: bigint
  granted: bigint
  isClosed: boolean
  totalAtEnd: bigint | null
  allowanceAtEnd: bigint | null
}
export type GrantRow = { period: bigint; bytes: bigint; isRevoked: boolean }
export type CrossingRow = {
  id: bigint
  account: string
  period: bigint
  version: bigint
  kind: string
  threshold: number
  total: bigint
}
/** An event that announces a crossing. */
export type EventRow = {
  account: string
  kind: string
  period: bigint
  version: bigint
  threshold: number
  isGravest: boolean
}
export type HoldRow = { account: string; reasons: string[]; hasOperator: boolean }
/** `isOpen`: the user is not given back yet. */
export type HeldRow = {
  account: string
  username: string
  createdAt: string
  state: string
  isOpen: boolean
  isLookedAt: boolean
  hasFailed: boolean
}

/** What stands in the tables of limits and holds. */
export type LimitRows = {
  /** By the database's clock. */
  now: number
  accounts: LimitedAccount[]
  limits: LimitRow[]
  periods: PeriodRow[]
  grants: GrantRow[]
  crossings: CrossingRow[]
  events: EventRow[]
  holds: HoldRow[]
  held: HeldRow[]
}

/** A list as JSON, whose large integers are texts. */
const list = (query: string) => `(select coalesce(json_agg(listed), '[]') from (${query}) as listed)`
const ms = (column: string) => `(extract(epoch from ${column}) * 1000)::float8`

const lists: Record<Exclude<keyof LimitRows, 'now'>, string> = {
  accounts: `select admin_id::text as id, username as admin, closed_at is not null as "isClosed",
    opened_at is not null as "isOpened", total_traffic_consumed::text as total
    from cumulative_traffic join admins on admins.id = admin_id`,
  limits: `select admin_id::text as account, version::text, traffic_limit::text as bytes, period_unit as unit,
    carry_over as "carryOver", count_from as "countFrom", ${ms('valid_until')} as "validUntil", warn_at as "warnAt",
    on_exceed as "onExceed" from limits`,
  periods: `select id::text, admin_id::text as account, ${ms('starts_at')} as "startsAt", ${ms('ends_at')} as "endsAt",
    total_at_start::text as "totalAtStart", carried::text, granted::text, closed_at is not null as "isClosed",
    total_at_end::text as "totalAtEnd", allowance_at_end::text as "allowanceAtEnd" from limit_periods order by limit_periods.id`,
  grants: `select period_id::text as period, bytes::text, revoked_at is not null as "isRevoked" from limit_grants`,
  crossings: `select id::text, admin_id::text as account, period_id::text as period, version::text, kind, threshold,
    total::text from limit_crossings order by limit_crossings.id`,
  events: `select admin_id::text as account, substr(type, 7) as kind, payload ->> 'period_id' as period,
    payload ->> 'version' as version, (payload ->> 'threshold')::integer as threshold,
    (payload ->> 'gravest')::boolean as "isGravest"
    from events where type in ('limit.warned', 'limit.exceeded', 'limit.expired')`,
  holds: `select admin_id::text as account, reasons, operator_at is not null as "hasOperator" from holds`,
  held: `select admin_id::text as account, username, to_char(created_at, 'YYYY-MM-DD HH24:MI:SS.US') as "createdAt", state,
    ended_at is null as "isOpen", look_at is not null as "isLookedAt",
    error_code is not null as "hasFailed" from held_users order by held_users.id`,
}

const query = `select ${ms('clock_timestamp()')} as now, ${Object.entries(lists)
  .map(([name, one]) => `${list(one)} as ${name}`)
  .join(', ')}`

const large = new Set([
  'total',
  'version',
  'bytes',
  'id',
  'totalAtStart',
  'carried',
  'granted',
  'totalAtEnd',
  'allowanceAtEnd',
  'period',
])

export async function readLimitRows(db: Database): Promise<LimitRows> {
  const { rows } = await sql.raw<LimitRows>(query).execute(db)
  const [row] = rows
  if (!row) throw new Error('a select without a table returned no row')
  for (const name of Object.keys(lists) as (keyof typeof lists)[]) {
    for (const item of row[name] as Record<string, unknown>[]) {
      for (const [key, value] of Object.entries(item)) {
        if (large.has(key) && typeof value === 'string' && name !== 'accounts') item[key] = BigInt(value)
      }
    }
  }
  for (const account of row.accounts) account.total = BigInt(account.total)
  return row
}
