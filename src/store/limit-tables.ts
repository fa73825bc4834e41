import type { Generated } from 'kysely'
import type { HoldReason } from '../ledger/hold.ts'
import type { CarryOver, Crossing, LimitState } from '../ledger/limit.ts'
import type { PeriodRule } from '../ledger/period.ts'
import type { Optional } from './optional-column.ts'

export type LimitsTable = {
  admin_id: bigint
  version: Generated<bigint>
  traffic_limit: Optional<bigint | null>
  count_from: 'now' | 'beginning'
  period_unit: Optional<PeriodRule['unit'] | null>
  anchor_day: Optional<number | null>
  timezone: Optional<string | null>
  carry_over: CarryOver
  valid_until: Optional<Date | null>
  warn_at: number[]
  on_exceed: 'notify' | 'disable_users'
  expired_at: Optional<Date | null>
  announced: Optional<Exclude<LimitState, 'ok'> | null>
  changed_at: Date
  changed_by: string
}

export type LimitPeriodsTable = {
  id: Generated<bigint>
  admin_id: bigint
  starts_at: Date
  ends_at: Optional<Date | null>
  total_at_start: Optional<bigint | null>
  carried: Generated<bigint>
  granted: Generated<bigint>
  closed_at: Optional<Date | null>
  total_at_end: Optional<bigint | null>
  allowance_at_end: Optional<bigint | null>
}

export type LimitGrantsTable = {
  id: Generated<bigint>
  admin_id: bigint
  period_id: bigint
  bytes: bigint
  note: Optional<string | null>
  reference: Optional<string | null>
  created_at: Date
  created_by: string
  revoked_at: Optional<Date | null>
  revoked_by: Optional<string | null>
}

export type LimitCrossingsTable = {
  id: Generated<bigint>
  admin_id: bigint
  period_id: bigint
  version: bigint
  kind: Crossing['kind']
  threshold: number
  total: bigint
  crossed_at: Date
}

export type HoldsTable = {
  admin_id: bigint
  reasons: HoldReason[]
  operator_reason: Optional<string | null>
  operator_by: Optional<string | null>
  operator_at: Optional<Date | null>
  since: Date
  remaining: Generated<bigint>
  announced: Optional<'finished' | 'failed' | null>
}

export type HeldUsersTable = {
  id: Generated<bigint>
  admin_id: bigint
  username: string
  created_at: string
  state: 'planned' | 'held' | 'restored' | 'gone' | 'kept'
  status: 'active' | 'on_hold'
  on_hold_duration: Optional<bigint | null>
  on_hold_timeout: Optional<string | null>
  planned_at: Date
  ended_at: Optional<Date | null>
  is_unclear: Generated<boolean>
  look_at: Optional<Date | null>
  error_code: Optional<string | null>
  error: Optional<string | null>
}
