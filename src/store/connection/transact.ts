import pg from 'pg'
import type { Database, Tx } from './database.ts'

/** Serialization failure, deadlock, and a unique key taken by a transaction that was not visible yet. */
const conflicts = new Set(['40001', '40P01', '23505'])
const attempts = 5

/**
 * Runs `work` in one transaction and commits it. When another transaction got in the way it is run again from the
 * start, so `work` must read everything it decides on inside the transaction.
 */
export async function transact<T>(db: Database, work: (tx: Tx) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await db.transaction().execute(work)
    } catch (error) {
      if (attempt === attempts || !isConflict(error)) throw error
    }
  }
}

/** Runs `work` in a transaction as {@link transact} does, and undoes all of it. Returns what it returned. */
export async function rehearse<T>(db: Database, work: (tx: Tx) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    const tx = await db.startTransaction().execute()
    try {
      return await work(tx)
    } catch (error) {
      if (attempt === attempts || !isConflict(error)) throw error
    } finally {
      await tx.rollback().execute()
    }
  }
}

function isConflict(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code !== undefined && conflicts.has(error.code)
}
