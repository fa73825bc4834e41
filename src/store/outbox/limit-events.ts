import { sql } from 'kysely'
import type { Tx } from '../connection/database.ts'
import { givenTable } from '../connection/given.ts'
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

const limitEvents = givenTable<LimitEvent>('crossed', {
  place: ['integer', (_, place) => place],
  type: ['text', (event) => event.type],
  admin_id: ['bigint', (event) => event.adminId],
  period_id: ['bigint', (event) => event.periodId],
  version: ['bigint', (event) => event.version],
  threshold: ['integer', (event) => event.threshold],
  is_gravest: ['boolean', (event) => event.isGravest],
  total: ['bigint', (event) => event.total],
  used: ['bigint', (event) => event.used],
  allowance: ['bigint', (event) => event.allowance],
  ends_at: ['timestamptz', (event) => event.endsAt],
  valid_until: ['timestamptz', (event) => event.validUntil],
})

/** Writes events about limits, in the transaction that books the growth. */
export async function recordLimitEvents(tx: Tx, events: readonly LimitEvent[]): Promise<void> {
  if (events.length === 0) return
  await sql`
    insert into events (type, admin_id, payload)
    select type, admin_id, jsonb_build_object('period_id', period_id, 'version', version, 'threshold', threshold,
      'gravest', is_gravest, 'total', total, 'used', used, 'allowance', allowance, 'ends_at', ends_at,
      'valid_until', valid_until)
    from ${limitEvents(events)}
    order by place`.execute(tx)
}
