import { sql } from 'kysely'
import type { Tx } from '../connection/database.ts'
import type { EventType } from '../tables.ts'

/** A limit that was crossed, as it was then. Traffic is bytes. */
export type LimitEvent = {
  type: Extract<EventType, `limit.${string}`>
  adminId: bigint
  periodId: bigint
  version: bigint
  /** Percent of a warning; 100 for the others. */
  threshold: number
  /** Whether it is the gravest of those crossed at the same moment. */
  isGravest: boolean
  total: bigint
  used: bigint
  /** Null: no limit of traffic. */
  allowance: bigint | null
  /** When the period ends; null: a prepaid package. */
  endsAt: Date | null
  /** Until when the account may be served; null: for ever. */
  validUntil: Date | null
}

/** Writes events about limits, in the transaction that books the growth. */
export async function recordLimitEvents(tx: Tx, events: readonly LimitEvent[]): Promise<void> {
  if (events.length === 0) return
  await sql`
    insert into events (type, admin_id, payload)
    select type, admin_id, jsonb_build_object('period_id', period_id, 'version', version, 'threshold', threshold,
      'gravest', is_gravest, 'total', total, 'used', used, 'allowance', allowance, 'ends_at', ends_at,
      'valid_until', valid_until)
    from unnest(
      ${events.map((event) => event.type)}::text[],
      ${events.map((event) => event.adminId)}::bigint[],
      ${events.map((event) => event.periodId)}::bigint[],
      ${events.map((event) => event.version)}::bigint[],
      ${events.map((event) => event.threshold)}::integer[],
      ${events.map((event) => event.isGravest)}::boolean[],
      ${events.map((event) => event.total)}::bigint[],
      ${events.map((event) => event.used)}::bigint[],
      ${events.map((event) => event.allowance)}::bigint[],
      ${events.map((event) => event.endsAt)}::timestamptz[],
      ${events.map((event) => event.validUntil)}::timestamptz[]
    ) with ordinality as crossed (type, admin_id, period_id, version, threshold, is_gravest, total, used, allowance,
      ends_at, valid_until, place)
    order by place`.execute(tx)
}
