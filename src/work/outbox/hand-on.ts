import type { Database, Tx } from '../../store/connection/database.ts'
import { transact } from '../../store/connection/transact.ts'
import { type OutboxEntry, takeOutbox } from '../../store/outbox/outbox.ts'
import type { OutboxListener } from '../../store/outbox/outbox-listener.ts'

export type HandOnDeps = {
  db: Database
  /** Listens for what is written; see `createOutboxListener`. */
  listenTo: (onWritten: () => void) => OutboxListener
}

/** Makes one entry happen, as part of the transaction that takes it out of the outbox. */
export type GiveEntry = (tx: Tx, entry: OutboxEntry) => Promise<void>

/** Entries that one transaction hands on. */
const atOnce = 100

/** Hands on all that the outbox holds. Each entry leaves it in the transaction that makes it happen, so it happens once. */
export async function handOnAll(db: Database, give: GiveEntry, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const taken = await transact(db, async (tx) => {
      const entries = await takeOutbox(tx, atOnce)
      for (const entry of entries) await give(tx, entry)
      return entries.length
    })
    if (taken < atOnce) return
  }
}
