import type { Database } from '../store/database.ts'
import { type FrontReading, listFrontReadings } from '../store/front-readings.ts'
import { type FailedScan, listFailedScans } from '../store/scans.ts'
import { type CollectorState, readCollectorState } from '../store/sync-state.ts'
import { type ListedUnreadable, listUnreadable } from '../store/unreadable-items.ts'

/** When each witness was last read, how long it took, what is asked for, and what went wrong. */
export type SyncState = CollectorState & {
  failed: FailedScan[]
  front: FrontReading[]
  /** What the panel does not tell well enough to be counted: the latest of it, and how much it is in all. */
  unreadable: { items: ListedUnreadable[]; total: bigint }
}

/** Failed scans that are told one by one; the panel's faults mostly concern all or one. */
const failuresTold = 20
const unreadableTold = 100

/** Reads how the collector stands. */
export async function readSync(db: Database): Promise<SyncState> {
  const [state, failed, front, unreadable] = await Promise.all([
    readCollectorState(db),
    listFailedScans(db, failuresTold),
    listFrontReadings(db),
    listUnreadable(db, unreadableTold),
  ])
  return { ...state, failed, front, unreadable }
}
