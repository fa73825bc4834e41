import type { Generated } from 'kysely'
import type { TenureEnd } from '../ledger/tenure-end.ts'
import type { ApiKeysTable, AuditTable } from './key-tables.ts'
import type {
  HeldUsersTable,
  HoldsTable,
  LimitCrossingsTable,
  LimitGrantsTable,
  LimitPeriodsTable,
  LimitsTable,
} from './limit-tables.ts'
import type { Optional } from './optional-column.ts'

export type AdminsTable = {
  id: Generated<bigint>
  username: string
  is_sudo: boolean
  answered: bigint
  first_seen_at: Generated<Date>
  missing_since: Optional<Date | null>
  closed_at: Optional<Date | null>
}

export type CumulativeTrafficTable = {
  admin_id: bigint
  total_traffic_consumed: Optional<bigint>
  last_updated: Optional<Date>
  users_counted: Optional<bigint>
  preserved_counted: Optional<bigint>
  panel_counted: Optional<bigint>
  panel_reading: Optional<bigint | null>
  panel_answered: Optional<bigint>
  panel_asked: Optional<bigint>
  panel_offset: Optional<bigint>
  panel_fell_from: Optional<bigint | null>
  panel_fell_to: Optional<bigint | null>
  users_offset: Optional<bigint>
  scanned: Optional<bigint>
  scanned_reading: Optional<bigint | null>
  scan_ended: Optional<bigint>
  /** By the panel's clock. */
  scan_seen_at: Optional<Date | null>
  snapshot: Optional<bigint | null>
  snapshot_at: Optional<Date | null>
  opening_balance: Optional<bigint>
  opened_at: Optional<Date | null>
  read_at: Optional<Date | null>
  judge_total: Optional<bigint | null>
  judge_time: Optional<Date | null>
}

export type AccountUsersTable = { admin_id: bigint; status: string; users: bigint }

export type TenuresTable = {
  id: Generated<bigint>
  username: string
  /** `timestamp` without a zone, kept as text: JavaScript dates know only milliseconds. */
  created_at: string
  admin_id: bigint | null
  reading: bigint
  counted: bigint
  answered: bigint
  status: string
  data_limit: bigint | null
  expire: bigint | null
  ended_at: Date | null
  ended_by: TenureEnd | null
  reset_pending: Generated<boolean>
  asked: Generated<bigint>
  former_created_at: Optional<string | null>
  /** By the panel's clock. */
  seen_at: Optional<Date | null>
  fell_from: Optional<bigint | null>
  fell_to: Optional<bigint | null>
}

export type TrafficHourlyTable = { admin_id: bigint; hour: Date; bytes: bigint }

export type ScansTable = {
  admin_id: bigint
  requested_at: Optional<Date | null>
  started_at: Optional<Date | null>
  finished_at: Optional<Date | null>
  panel_reading: Optional<bigint | null>
  users_done: Optional<bigint>
  users_total: Optional<bigint | null>
  error_code: Optional<string | null>
  error: Optional<string | null>
  /** Whether the last scan has ended, and read everybody. */
  complete: Optional<boolean>
  /** Whole numbers, as the driver gives arrays of them. */
  failing_at: Generated<string[]>
}

export type UnreadableItemsTable = {
  id: Generated<bigint>
  kind: 'user' | 'admin'
  name: string | null
  admin_id: Optional<bigint | null>
  reason: string
  since: Generated<Date>
  asked: bigint
}

export type PanelPollTable = {
  id: Generated<boolean>
  asked_tick: bigint
  asked_at: Date | null
  answered_at: Date | null
  succeeded_asked_at: Date | null
  admins: bigint | null
  has_admin_usage: boolean | null
  error_code: string | null
  error: string | null
}

export type ScanRoundTable = {
  id: Generated<boolean>
  started_at: Date | null
  finished_at: Date | null
  requested_at: Date | null
  requested_tick: Generated<bigint>
  admins_done: bigint
  admins_total: bigint
  users_done: bigint
  users_total: bigint
}

export type FrontReadingsTable = {
  id: Generated<bigint>
  purpose: FrontPurpose
  username: string | null
  worker: string
  started_at: Generated<Date>
  finished_at: Optional<Date | null>
  users_done: Generated<bigint>
  users_total: Optional<bigint | null>
}

/** What users are read for before a call of the front is forwarded. */
export type FrontPurpose = 'reset_users' | 'delete_admin'

export type DeletionKind = 'user' | 'users' | 'admin'
export type DeletionState =
  | 'requested'
  | 'preserved'
  | 'unknown'
  | 'deleted'
  | 'failed'
  | 'gone'
  | 'cancelled'
  | 'incomplete'

export type DeletionsTable = {
  id: Generated<bigint>
  kind: DeletionKind
  state: DeletionState
  parent_id: Optional<bigint | null>
  username: Optional<string | null>
  created_at: Optional<string | null>
  admin_id: Optional<bigint | null>
  requested_by: string
  only_admin_id: Optional<bigint | null>
  only_statuses: Optional<string[] | null>
  preserve_traffic: boolean
  final_reading: Optional<bigint | null>
  preserved_bytes: Optional<bigint | null>
  total_traffic: Optional<bigint | null>
  error_code: Optional<string | null>
  error: Optional<string | null>
  idempotency_key: Optional<string | null>
  request_hash: Optional<string | null>
  requested_at: Generated<Date>
  started_at: Optional<Date | null>
  preserved_at: Optional<Date | null>
  finished_at: Optional<Date | null>
  worker: Optional<string | null>
  cancel_requested_at: Optional<Date | null>
  collected_at: Optional<Date | null>
  rounds: Generated<number>
  resume_at: Optional<Date | null>
  attempts: Generated<number>
  claimed_by: Optional<string | null>
  turn: Generated<bigint>
  unknown_until: Optional<Date | null>
}

export type EventsTable = {
  id: Generated<bigint>
  type: EventType
  admin_id: bigint | null
  username: string | null
  /** What the event says, as it was then. JSON. */
  payload: unknown
  created_at: Generated<Date>
}

export type EventType =
  | 'traffic.suspicious'
  | 'limit.warned'
  | 'limit.exceeded'
  | 'limit.expired'
  | 'limit.cleared'
  | 'limit.changed'
  | 'grant.added'
  | 'period.closed'
  | 'holding.finished'
  | 'holding.failed'

export type OutboxTable = {
  id: Generated<bigint>
  kind: 'bulk_deletion' | 'observation' | 'hold'
  /** JSON whose integers are text. */
  payload: unknown
  created_at: Generated<Date>
}

export type DeletionTurnsTable = { caller: string; turn: bigint }

export type Tables = {
  admins: AdminsTable
  cumulative_traffic: CumulativeTrafficTable
  account_users: AccountUsersTable
  tenures: TenuresTable
  traffic_hourly: TrafficHourlyTable
  scans: ScansTable
  unreadable_items: UnreadableItemsTable
  panel_poll: PanelPollTable
  scan_round: ScanRoundTable
  front_readings: FrontReadingsTable
  deletions: DeletionsTable
  events: EventsTable
  deletion_turns: DeletionTurnsTable
  outbox: OutboxTable
  limits: LimitsTable
  limit_periods: LimitPeriodsTable
  limit_grants: LimitGrantsTable
  limit_crossings: LimitCrossingsTable
  holds: HoldsTable
  held_users: HeldUsersTable
  api_keys: ApiKeysTable
  audit: AuditTable
}
