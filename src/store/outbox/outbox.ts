import { sql } from 'kysely'
import type { Tx } from '../connection/database.ts'
import type { OutboxTable } from '../tables.ts'

/** Something that has to happen because of a change. */
export type OutboxEntry =
  /** The background work has to look at a bulk deletion. */
  | { kind: 'bulk_deletion'; id: bigint; requestedBy: string }
  /** These users have to be read from the panel soon. */
  | { kind: 'observation'; usernames: readonly string[] }
  /** The users of an account have to be disabled, or enabled again. */
  | { kind: 'hold'; adminId: bigint }

/** The kinds that this version knows. A later version may write others beside it. */
const kinds: OutboxTable['kind'][] = ['bulk_deletion', 'observation', 'hold']

/** What is notified when rows are committed. */
export const outboxChannel = 'outbox'

/** Writes what a change makes necessary, in the transaction of the change. It leaves when that is committed. */
export async function writeOutbox(tx: Tx, entry: OutboxEntry): Promise<void> {
  await sql`
    with written as (
      insert into outbox (kind, payload) values (${entry.kind}, ${JSON.stringify(payloadOf(entry))}::jsonb)
      returning id
    )
    select pg_notify(${outboxChannel}, '') from written`.execute(tx)
}

/**
 * Takes the oldest entries out of the outbox, for the caller to hand on in the same transaction. Entries that another
 * transaction has taken are passed over.
 */
export async function takeOutbox(tx: Tx, limit: number): Promise<OutboxEntry[]> {
  const { rows } = await sql<OutboxRow>`
    delete from outbox where id = any(array(
      select id from outbox where kind = any(${kinds}) order by id limit ${limit} for update skip locked
    ))
    returning id, kind, payload`.execute(tx)
  return rows.toSorted((a, b) => (a.id < b.id ? -1 : 1)).map(toEntry)
}

type OutboxRow = { id: bigint } & (
  | { kind: 'bulk_deletion'; payload: { id: string; requestedBy: string } }
  | { kind: 'observation'; payload: { usernames: string[] } }
  | { kind: 'hold'; payload: { adminId: string } }
)

/** As JSON that the database takes: its text holds no half of a character. */
function payloadOf(entry: OutboxEntry): OutboxRow['payload'] {
  switch (entry.kind) {
    case 'bulk_deletion':
      return { id: String(entry.id), requestedBy: entry.requestedBy.toWellFormed() }
    case 'observation':
      return { usernames: entry.usernames.map((username) => username.toWellFormed()) }
    case 'hold':
      return { adminId: String(entry.adminId) }
  }
}

function toEntry({ kind, payload }: OutboxRow): OutboxEntry {
  switch (kind) {
    case 'bulk_deletion':
      return { kind, ...payload, id: BigInt(payload.id) }
    case 'observation':
      return { kind, ...payload }
    case 'hold':
      return { kind, adminId: BigInt(payload.adminId) }
  }
}
