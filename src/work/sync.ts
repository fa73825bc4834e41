import type { Database } from '../store/database.ts'
import { type PanelPoll, readPanelPoll } from '../store/panel-poll.ts'
import { readScanRound, type ScanRound } from '../store/scan-round.ts'
import { type FailedScan, listFailedScans } from '../store/scans.ts'

/** When each witness was last read, how long it took, and what went wrong. */
export type SyncState = { poll: PanelPoll; round: ScanRound; failed: FailedScan[] }

/** Failed scans that are told one by one; the panel's faults mostly concern all or one. */
const failuresTold = 20

/** Reads how the collector stands. */
export async function readSync(db: Database): Promise<SyncState> {
  const [poll, round, failed] = await Promise.all([
    readPanelPoll(db),
    readScanRound(db),
    listFailedScans(db, failuresTold),
  ])
  return { poll, round, failed }
}
