import type { Database } from '../store/database.ts'
import { type FrontReading, listFrontReadings } from '../store/front-readings.ts'
import { type FailedScan, listFailedScans } from '../store/scans.ts'
import { type CollectorState, readCollectorState } from '../store/sync-state.ts'

/** When each witness was last read, how long it took, what is asked for, and what went wrong. */
export type SyncState = CollectorState & { failed: FailedScan[]; front: FrontReading[] }

/** Failed scans that are told one by one; the panel's faults mostly concern all or one. */
const failuresTold = 20

/** Reads how the collector stands. */
export async function readSync(db: Database): Promise<SyncState> {
  const [state, failed, front] = await Promise.all([
    readCollectorState(db),
    listFailedScans(db, failuresTold),
    listFrontReadings(db),
  ])
  return { ...state, failed, front }
}
