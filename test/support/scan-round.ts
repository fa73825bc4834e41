import { type ScanRound, toScanRound } from '../../src/store/collecting/scan-round.ts'
import type { Database } from '../../src/store/connection/database.ts'

/** The round of scans that is running, or the last one, also when another one has to come. */
export async function readScanRound(db: Database): Promise<ScanRound> {
  return toScanRound(await db.selectFrom('scan_round').selectAll().executeTakeFirstOrThrow())
}
