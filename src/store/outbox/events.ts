import { sql } from 'kysely'
import type { Suspicion, SuspicionReason } from '../../ledger/suspicion.ts'
import type { Database, Tx } from '../connection/database.ts'
import { toExactJson } from '../connection/exact-json.ts'
import { givenTable } from '../connection/given.ts'
import { sendLater, statement } from '../connection/together.ts'
import type { EventType } from '../tables.ts'

/** One account and reason gets no second event within this time: a restored panel has thousands of users. */
const quietSeconds = 3_600

const givenSuspicions = givenTable<Suspicion>('seen', {
  admin_id: ['bigint', ({ adminId }) => adminId],
  username: ['text', ({ username }) => username],
  reason: ['text', ({ reason }) => reason],
  reading_before: ['bigint', ({ before }) => before],
  reading_after: ['bigint', ({ after }) => after],
  bytes: ['bigint', ({ bytes }) => bytes],
})

/**
 * Writes events of type `traffic.suspicious`, in the transaction that counts the bytes: one for each account and reason,
 * with the largest of them by name and the sum of all. The accounts must be locked by the transaction.
 */
export async function recordSuspicions(tx: Tx, suspicions: readonly Suspicion[]): Promise<void> {
  if (suspicions.length === 0) return
  const recording = sql`
    with found as (
      select distinct on (admin_id, reason) admin_id, username, reason, reading_before, reading_after,
        sum(bytes) over same as bytes, count(*) over same as counters
      from ${givenSuspicions(suspicions)}
      window same as (partition by admin_id, reason)
      order by admin_id, reason, seen.bytes desc, username
    )
    insert into events (type, admin_id, username, payload)
    select 'traffic.suspicious', admin_id, username, jsonb_build_object('reason', reason, 'bytes', bytes,
      'counters', counters, 'reading_before', reading_before, 'reading_after', reading_after)
    from found
    where not exists (
      select from events as earlier
      where earlier.admin_id = found.admin_id and earlier.type = 'traffic.suspicious'
        and earlier.payload ->> 'reason' = found.reason
        and earlier.created_at between clock_timestamp() - make_interval(secs => ${quietSeconds})
          and clock_timestamp() + make_interval(secs => ${quietSeconds})
    )`
  await sendLater(tx, statement(recording))
}

/** An event, as it is written. The payload is JSON; its integers may be bigints. */
export type NewEvent = { type: EventType; adminId: bigint | null; payload: Record<string, unknown> }

const newEvents = givenTable<NewEvent>('event', {
  place: ['integer', (_, place) => place],
  type: ['text', ({ type }) => type],
  admin_id: ['bigint', ({ adminId }) => adminId],
  payload: ['text', ({ payload }) => toExactJson(payload)],
})

/** Writes events, in the transaction of what they say. */
export async function recordEvents(tx: Tx, events: readonly NewEvent[]): Promise<void> {
  if (events.length === 0) return
  await sql`
    insert into events (type, admin_id, payload)
    select type, admin_id, payload::jsonb
    from ${newEvents(events)}
    order by place`.execute(tx)
}

/** Bytes that were counted as the panel says them, although they look wrong. */
export type SuspiciousTraffic = {
  id: bigint
  at: Date
  adminId: bigint
  admin: string
  /** The counter that gained most; null: the admin's own. */
  username: string | null
  reason: SuspicionReason
  /** Of all counters that it was seen of at the same moment, and how many they are. */
  bytes: bigint
  counters: bigint
  readingBefore: bigint
  readingAfter: bigint
}

/** The latest events of suspicious traffic, the newest first. Until it is committed, none shows: also below those that do. */
export async function listSuspicious(
  db: Database,
  { limit }: { limit: number },
): Promise<SuspiciousTraffic[]> {
  const { rows } = await sql<SuspiciousTraffic>`
    select events.id, events.created_at as at, admins.id as "adminId", admins.username as admin, events.username,
      payload ->> 'reason' as reason, (payload ->> 'bytes')::bigint as bytes,
      (payload ->> 'counters')::bigint as counters, (payload ->> 'reading_before')::bigint as "readingBefore",
      (payload ->> 'reading_after')::bigint as "readingAfter"
    from events join admins on admins.id = events.admin_id
    where type = 'traffic.suspicious'
    order by events.id desc limit ${limit}`.execute(db)
  return rows
}
