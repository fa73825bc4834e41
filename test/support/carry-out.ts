import type { Database } from '../../src/store/connection/database.ts'
import { findDeletion } from '../../src/store/deletions/deletions.ts'
import { advanceBulkDeletion, type BulkDeletionDeps } from '../../src/work/deleting/bulk-deletion.ts'
import { takeTurns } from '../../src/work/deleting/deletion-turns.ts'

/**
 * Carries a bulk deletion out from where it stands, as the queues do, as far as it goes without waiting: with four places,
 * of which each takes whosever turn it is.
 */
export async function carryOut(work: BulkDeletionDeps, id: bigint): Promise<void> {
  await passRests(work.db)
  const lookAgain = async () => {}
  while (await advanceBulkDeletion(work, id)) {
    const places = ['place 1', 'place 2', 'place 3', 'place 4']
    const turns = await Promise.allSettled(places.map((place) => takeTurns({ ...work, lookAgain }, place)))
    for (const turn of turns) if (turn.status === 'rejected') throw turn.reason
    const bulk = await findDeletion(work.db, id)
    if (bulk?.error) return
  }
}

/** Lets the time pass that bulk deletions rest before they are tried again. */
export async function passRests(db: Database): Promise<void> {
  await db.updateTable('deletions').set({ resume_at: null }).where('resume_at', 'is not', null).execute()
}
