import { type SuspicionReason, suspicionReasons } from '../../ledger/suspicion.ts'
import { type FrontReading, listFrontReadings } from '../../store/collecting/front-readings.ts'
import { type FailedScan, listFailedScans } from '../../store/collecting/scans.ts'
import { type CollectorState, readCollectorState } from '../../store/collecting/sync-state.ts'
import { type ListedUnreadable, listUnreadable } from '../../store/collecting/unreadable-items.ts'
import type { Database } from '../../store/connection/database.ts'
import { listSuspicious, type SuspiciousTraffic } from '../../store/outbox/events.ts'

export { type SuspicionReason, suspicionReasons }

/** When each witness was last read, how long it took, what is asked for, and what went wrong. */
export type SyncState = CollectorState & {
  failed: FailedScan[]
  front: FrontReading[]
  /** Bytes that were counted although they look wrong, the latest first. */
  suspicious: SuspiciousTraffic[]
  /** What the panel does not tell well enough to be counted: the latest of it, and how much it is in all. */
  unreadable: { items: ListedUnreadable[]; total: bigint }
}

/** Failed scans that are told one by one; the panel's faults mostly concern all or one. */
const failuresTold = 20
const suspiciousTold = 20
const unreadableTold = 100

/** Reads how the collector stands. */
export async function readSync(db: Database): Promise<SyncState> {
  const [state, failed, front, suspicious, unreadable] = await Promise.all([
    readCollectorState(db),
    listFailedScans(db, failuresTold),
    listFrontReadings(db),
    listSuspicious(db, { limit: suspiciousTold }),
    listUnreadable(db, unreadableTold),
  ])
  return { ...state, failed, front, suspicious, unreadable }
}
