import { crossingsOf, type LimitState, stateOf, type Usage, usageOf } from '../../ledger/limit.ts'
import type { HoldFigures } from '../../store/holds/hold-figures.ts'
import type { LimitFigures } from '../../store/limits/limit-figures.ts'

/** How an account stands against its limit, in the period that runs. Traffic is bytes. */
export type LimitStatus = Usage & {
  state: LimitState
  /** Whether the opening balance of the account is still open: until then nothing is judged. */
  pending: boolean
  period: { id: bigint; startsAt: Date; endsAt: Date | null }
  validUntil: Date | null
  /** Null: the account is not held. */
  hold: HoldFigures | null
}

/** How an account with this total stands against its limit. */
export function limitStatusOf(limit: LimitFigures, total: bigint, hold: HoldFigures | null): LimitStatus {
  const { id, startsAt, endsAt, totalAtStart, granted, carried } = limit.period
  const { trafficLimit, warnAt, isExpired, validUntil } = limit
  const usage = usageOf(total, totalAtStart ?? total, { trafficLimit, granted, carried })
  const state = limit.isPending ? 'ok' : stateOf(crossingsOf(usage, warnAt, isExpired))
  return { ...usage, state, pending: limit.isPending, period: { id, startsAt, endsAt }, validUntil, hold }
}
