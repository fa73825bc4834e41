import type { Database } from '../../store/connection/database.ts'
import { transact } from '../../store/connection/transact.ts'
import { type Hold, noteAnnounced } from '../../store/holds/holds.ts'
import { recordEvents } from '../../store/outbox/events.ts'

/** Writes an event when a hold has come to its end for the first time, or has begun to fail. */
export async function announce(db: Database, hold: Hold, failed: number): Promise<void> {
  const outcome = failed === 0 ? 'finished' : 'failed'
  if (hold.announced === outcome) return
  await transact(db, async (tx) => {
    if (!(await noteAnnounced(tx, hold, outcome))) return
    const { adminId, reasons, since } = hold
    await recordEvents(tx, [{ type: `holding.${outcome}`, adminId, payload: { reasons, since, failed } }])
  })
}
