import { sql } from 'kysely'
import type { LimitSettings } from './limit-settings.ts'
import type { StoredPeriod } from './periods.ts'

/** What says how an account stands against its limit. Traffic is bytes. */
export type LimitFigures = Pick<LimitSettings, 'trafficLimit' | 'warnAt' | 'validUntil'> & {
  /** Whether the validity has ended, by the database's clock. */
  isExpired: boolean
  /** Whether the opening balance of the account is still open. */
  isPending: boolean
  period: Omit<StoredPeriod, 'adminId'>
}

/** Columns of a query that joins `limits` and the open `limit_periods as period` to `cumulative_traffic as account`. */
export const limitColumns = [
  'limits.traffic_limit as trafficLimit',
  'limits.warn_at as warnAt',
  'limits.valid_until as validUntil',
  'period.id as periodId',
  'period.starts_at as startsAt',
  'period.ends_at as endsAt',
  'period.total_at_start as totalAtStart',
  'period.granted',
  'period.carried',
] as const

export const isExpired = sql<boolean>`coalesce(limits.valid_until <= clock_timestamp(), false)`
export const isPending = sql<boolean>`account.opened_at is null`

/** A row of {@link limitColumns}; the columns of a limit are null where the account has none. */
export type LimitRow = {
  trafficLimit: bigint | null
  warnAt: number[] | null
  validUntil: Date | null
  periodId: bigint | null
  startsAt: Date | null
  endsAt: Date | null
  totalAtStart: bigint | null
  granted: bigint | null
  carried: bigint | null
  isExpired: boolean
  isPending: boolean
}

/** Null: the account has no limit. */
export function toLimitFigures(row: LimitRow): LimitFigures | null {
  const { periodId: id, startsAt, granted, carried, warnAt } = row
  if (id === null || startsAt === null || granted === null || carried === null || warnAt === null) return null
  const { trafficLimit, validUntil, endsAt, totalAtStart } = row
  return {
    trafficLimit,
    warnAt,
    validUntil,
    isExpired: row.isExpired,
    isPending: row.isPending,
    period: { id, startsAt, endsAt, totalAtStart, granted, carried },
  }
}
