import { sql } from 'kysely'
import { type LimitState, usageOf } from '../../ledger/limit.ts'
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

/**
 * The state of a limit: what stands recorded of the period that runs, since all is recorded when it is crossed; null: the
 * account has no limit.
 */
export const limitState = sql<LimitState | null>`(case
  when limits.admin_id is null then null
  when account.opened_at is null then 'ok'
  when limits.valid_until <= clock_timestamp() then 'expired'
  else coalesce((
    select case when bool_or(kind = 'exceeded') then 'exceeded' when bool_or(kind = 'warned') then 'warned' end
    from limit_crossings as crossing
    where crossing.admin_id = limits.admin_id and crossing.period_id = period.id
      and crossing.version = limits.version
  ), 'ok') end)`

/** What accounts without a limit of traffic are sorted as: they come before those that have used nothing. */
const unlimitedPercent = -1n

/** The used part of the allowance in whole percent, or {@link unlimitedPercent}: as {@link usedPercentOf} says. */
export const usedPercent = `(case
  when limits.traffic_limit is null then ${unlimitedPercent}
  when limits.traffic_limit::numeric + period.granted + period.carried <= 0 then 100
  else div((account.total_traffic_consumed - coalesce(period.total_at_start, account.total_traffic_consumed)) * 100::numeric,
    least(limits.traffic_limit::numeric + period.granted + period.carried, 9223372036854775807)) end)`

/** The used part of the allowance in whole percent, for a cursor. */
export function usedPercentOf(limit: LimitFigures | null, total: bigint): bigint {
  if (!limit) return unlimitedPercent
  const { trafficLimit, period } = limit
  return (
    usageOf(total, period.totalAtStart ?? total, { ...period, trafficLimit }).usedPercent ?? unlimitedPercent
  )
}

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
