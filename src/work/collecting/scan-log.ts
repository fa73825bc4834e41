import type { ScanRoundOptions } from './scan-round.ts'

type ScanProgress = Parameters<ScanRoundOptions['onProgress']>[0]

/** Between two lines about a scan that goes on. */
const quietMs = 5_000

/** Logs how far the scans have come: the first answer, then a line every few seconds, and the end. */
export function createScanLog(
  log: { info(fields: object, message: string): void },
  now: () => number,
): ScanRoundOptions['onProgress'] {
  let next = 0
  return (progress: ScanProgress) => {
    const isOver = progress.adminsDone === progress.adminsTotal
    if (!isOver && now() < next) return
    next = now() + quietMs
    log.info(progress, `scanned ${progress.usersDone} of ${progress.usersTotal} users`)
  }
}
