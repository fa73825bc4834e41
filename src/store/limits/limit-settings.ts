import type { CarryOver } from '../../ledger/limit.ts'
import type { PeriodRule } from '../../ledger/period.ts'

/** What an operator sets. Traffic is bytes. */
export type LimitSettings = {
  /** Null: no limit of traffic. */
  trafficLimit: bigint | null
  /** What the first period counts: from then on, or all traffic of the account. */
  countFrom: 'now' | 'beginning'
  /** Null: a prepaid package, without an end of its own. */
  period: PeriodRule | null
  carryOver: CarryOver
  /** Until when the account may be served; null: for ever. */
  validUntil: Date | null
  /** Percentages from 1 to 99, ascending. */
  warnAt: number[]
  /** `disable_users`: while it is exceeded, or no longer valid, the users of the account are disabled. */
  onExceed: 'notify' | 'disable_users'
}
