import type { PeriodEnd } from '../../store/limits/periods.ts'
import type { NewEvent } from '../../store/outbox/events.ts'

/** The event of a period that has ended. */
export function periodClosed(
  adminId: bigint,
  { startsAt, endsAt, totalAtStart, totalAtEnd, allowance }: PeriodEnd & { startsAt: Date },
): NewEvent {
  const used = totalAtEnd - totalAtStart
  const payload = { starts_at: startsAt, ends_at: endsAt, used, allowance, total: totalAtEnd }
  return { type: 'period.closed', adminId, payload }
}

export type Cleared = {
  periodId: bigint
  version: bigint
  /** What had been announced. */
  was: string | null
  used: bigint
  allowance: bigint | null
}

/** The event that says that something was announced, and that it is over. */
export function limitCleared(
  adminId: bigint,
  { periodId, version, was, used, allowance }: Cleared,
): NewEvent {
  return {
    type: 'limit.cleared',
    adminId,
    payload: { period_id: periodId, version, was, used, allowance },
  }
}
