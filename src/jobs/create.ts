import { PgBoss } from 'pg-boss'
import type { EnqueueDeletion } from '../work/request-deletion.ts'
import { type DeletionJobs, enqueueDeletion, startDeleting } from './deletions.ts'
import {
  type ObservationJobs,
  type RequestObservation,
  requestObservation,
  startObserving,
} from './observations.ts'
import { type PollJob, requestPoll, startPolling } from './poll.ts'
import { requestScan, type ScanJob, startScanning } from './scan.ts'

export type Jobs = {
  /** Begins with the work on the queues. */
  start(): Promise<void>
  /** Makes a poll due now; the scans it finds due follow it. */
  requestPoll(): Promise<void>
  enqueueDeletion: EnqueueDeletion
  requestObservation: RequestObservation
  /** Lets running jobs come to their next safe point and stops. */
  stop(): Promise<void>
}

export type JobsOptions = {
  databaseUrl: string
  poll: Omit<PollJob, 'afterPoll'>
  scan: Omit<ScanJob, 'stopping'>
  deletions: Omit<DeletionJobs, 'stopping'>
  observations: Omit<ObservationJobs, 'stopping'>
  onError: (error: Error) => void
}

/** How long running jobs may take to come to a safe point when the service stops. */
const stopTimeoutMs = 8_000

/** The background work, on queues in the ledger's database that all replicas share. */
export function createJobs(options: JobsOptions): Jobs {
  const stopping = new AbortController()
  const boss = new PgBoss({
    connectionString: options.databaseUrl,
    application_name: 'marzban-ledger-jobs',
    max: 4,
    // A replica that died is noticed within seconds, not minutes.
    superviseIntervalSeconds: 10,
    monitorIntervalSeconds: 10,
  })
  boss.on('error', options.onError)
  return {
    start: async () => {
      await boss.start()
      // First the queue that the poll sends to.
      await startScanning(boss, { ...options.scan, stopping: stopping.signal })
      await Promise.all([
        startDeleting(boss, { ...options.deletions, stopping: stopping.signal }),
        startObserving(boss, { ...options.observations, stopping: stopping.signal }),
        startPolling(boss, { ...options.poll, afterPoll: () => requestScan(boss) }),
      ])
    },
    requestPoll: () => requestPoll(boss),
    enqueueDeletion: enqueueDeletion(boss),
    requestObservation: requestObservation(boss),
    stop: async () => {
      stopping.abort()
      await boss.stop({ graceful: true, timeout: stopTimeoutMs })
    },
  }
}
