import { sql } from 'kysely'
import type { Database, Tx } from '../../src/store/connection/database.ts'
import { transact } from '../../src/store/connection/transact.ts'
import { until } from './until.ts'

/** Resolves when so many sessions of the database wait for a lock. */
export async function untilWaiting(db: Database, sessions: number): Promise<void> {
  await until(`${sessions} sessions wait for a lock`, async () => {
    const { rows } = await sql`
      select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`.execute(
      db,
    )
    return rows.length === sessions
  })
}

/** A transaction that has done something, and stays open until it is told to commit. */
export type OpenTransaction = { commit(): Promise<void> }

/** Resolves when `work` is done; its locks are held until the commit. */
export async function keepOpen(db: Database, work: (tx: Tx) => Promise<unknown>): Promise<OpenTransaction> {
  const [done, mayCommit] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const committed = transact(db, async (tx) => {
    await work(tx)
    done.resolve()
    await mayCommit.promise
  })
  await Promise.race([done.promise, committed])
  return {
    commit() {
      mayCommit.resolve()
      return committed
    },
  }
}
