import type { Job, PgBoss } from 'pg-boss'
import { type ScanRoundOptions, scanDueAdmins } from '../work/collecting/scan-round.ts'
import type { ReadingDeps } from '../work/observing/read-user-pages.ts'
import { makeQueue } from './make-queue.ts'
import { type JobContext, reportingFailures } from './report-failures.ts'

const queue = 'scan'

export type ScanJob = {
  work: Omit<ReadingDeps, 'signal'>
  options: ScanRoundOptions
}

/** Scans what is due whenever {@link requestScan} says so; one round runs at a time, on whichever replica is free. */
export async function startScanning(
  boss: PgBoss,
  { work, options }: ScanJob,
  context: JobContext,
): Promise<void> {
  await makeQueue(boss, queue, {
    policy: 'stately',
    retryLimit: 0,
    // A round over a large panel takes hours; a replica that died is noticed by its missing heartbeat.
    expireInSeconds: 86_400,
    heartbeatSeconds: 10,
    deleteAfterSeconds: 600,
  })
  const scan = async ([job]: Job[]) => {
    const { stopping } = context
    const signal = job?.signal ? AbortSignal.any([stopping, job.signal]) : stopping
    try {
      await scanDueAdmins({ ...work, signal }, options)
    } catch (error) {
      // What is not scanned yet is still due: the next round goes on with it.
      if (!signal.aborted) throw error
    }
  }
  await boss.work(queue, { pollingIntervalSeconds: 1 }, reportingFailures(queue, context, scan))
}

/** Starts a round of scans, unless one is waiting already. */
export async function requestScan(boss: PgBoss): Promise<void> {
  await boss.send(queue, {})
}
