import { type SuspicionReason, suspicionReasons } from '../../ledger/suspicion.ts'
import { type CollectorState, readCollectorState } from '../../store/collecting/collector-state.ts'
import { type FrontReading, listFrontReadings } from '../../store/collecting/front-readings.ts'
import { type FailedScan, listFailedScans } from '../../store/collecting/scans.ts'
import { type ListedUnreadable, listUnreadable } from '../../store/collecting/unreadable-items.ts'
import type { Database } from '../../store/connection/database.ts'
import { listSuspicious, type SuspiciousTraffic } from '../../store/outbox/events.ts'

export { type SuspicionReason, suspicionReasons }

/** When each witness was last read, how long it took, what is asked for, and what went wrong. */
export type CollectorStatus = CollectorState & {
  failed: FailedScan[]
  front: FrontReading[]
  /** Bytes that were counted although they look wrong, the latest first. */
  suspicious: SuspiciousTraffic[]
  /** Users and admins that cannot be read: the latest, and how many in all. */
  unreadable: { items: ListedUnreadable[]; total: bigint }
}

/** Failed scans that are shown one by one. */
const failuresShown = 20
const suspiciousShown = 20
const unreadableShown = 100

/** Reads how the collector stands. */
export async function readCollectorStatus(db: Database): Promise<CollectorStatus> {
  const [state, failed, front, suspicious, unreadable] = await Promise.all([
    readCollectorState(db),
    listFailedScans(db, failuresShown),
    listFrontReadings(db),
    listSuspicious(db, { limit: suspiciousShown }),
    listUnreadable(db, unreadableShown),
  ])
  return { ...state, failed, front, suspicious, unreadable }
}
