import { PgBoss } from 'pg-boss'
import { type DeletionJobs, startDeleting } from './deletions.ts'
import { type HoldJobs, lookAtHolds, startHolding } from './holds.ts'
import { type LimitJob, startTurningLimits } from './limits.ts'
import { type ObservationJobs, startObserving } from './observations.ts'
import { keepHandingOn, type OutboxJob } from './outbox.ts'
import { type PollJob, requestPoll, startPolling } from './poll.ts'
import { repeat } from './repeat.ts'
import type { JobContext } from './report-failures.ts'
import { requestScan, type ScanJob, startScanning } from './scan.ts'
import { steadyClock } from './steady-clock.ts'

export type Jobs = {
  /** Begins with the work on the queues. */
  start(): Promise<void>
  /** Makes a poll due now; the scans it finds due follow it. */
  requestPoll(): Promise<void>
  /** Lets running jobs come to their next safe point and stops. */
  stop(): Promise<void>
}

export type JobsOptions = {
  /** How the queues reach the database, which has their schema. */
  connection: { connectionString: string; application_name: string }
  poll: Omit<PollJob, 'afterPoll'> & {
    /** Called after a poll that was answered, before the scans that follow it. */
    onAnswered: () => Promise<void>
  }
  scan: ScanJob
  deletions: DeletionJobs
  observations: ObservationJobs
  limits: LimitJob
  holds: HoldJobs
  outbox: OutboxJob
  /** The time by which jobs are due; see `createQueueClock`. */
  clock: { use(): Promise<void>; keep(): Promise<void> }
  /** Notices what has been lost in silence: called every few seconds. */
  checkSessions: () => Promise<void>
  /** Called when the queues themselves cannot be served. Not every `error` is one of the class Error. */
  onError: (error: unknown) => void
  onFailure: JobContext['onFailure']
  onSuccess: JobContext['onSuccess']
}

/** How long running jobs may take to come to a safe point when the service stops. */
const stopTimeoutMs = 8_000
/** For how long jobs may wait when the database's clock was set back, and for how long a lost session goes unnoticed. */
const keepClockMs = 5_000

/** The background work, on queues in the ledger's database that all replicas share. */
export function createJobs(options: JobsOptions): Jobs {
  const stopping = new AbortController()
  const { onFailure, onSuccess } = options
  const context: JobContext = { stopping: stopping.signal, onFailure, onSuccess }
  const boss = new PgBoss({
    ...options.connection,
    max: 4,
    // To make it takes a right that the service need not have.
    createSchema: false,
    clock: steadyClock,
    // A replica that died is noticed within seconds, not minutes.
    superviseIntervalSeconds: 10,
    monitorIntervalSeconds: 10,
    // What is done is removed when its queue says, not once a day.
    maintenanceIntervalSeconds: 600,
  })
  boss.on('error', options.onError)
  const { clock } = options
  let keeping: Promise<unknown> | undefined
  const afterPoll = async () => {
    await options.poll.onAnswered()
    await lookAtHolds(boss, options.holds.work.db)
    await requestScan(boss)
  }
  return {
    start: async () => {
      await boss.start()
      await clock.use()
      await clock.keep()
      const whileRunning = { signal: stopping.signal, onError: options.onError }
      const keepUp = async () => {
        await clock.keep()
        await options.checkSessions()
      }
      const keepingClock = repeat(keepUp, { pauseMs: keepClockMs, ...whileRunning })
      keeping = keepingClock
      const handingOn = {
        ...whileRunning,
        onError: (error: Error) => onFailure({ kind: 'outbox' }, error),
        onDone: () => onSuccess({ kind: 'outbox' }),
      }
      // First the queue that the poll sends to.
      await startScanning(boss, options.scan, context)
      await Promise.all([
        startDeleting(boss, options.deletions, context),
        startObserving(boss, options.observations, context),
        startTurningLimits(boss, options.limits, context),
        startHolding(boss, options.holds, context),
        startPolling(boss, { ...options.poll, afterPoll }, context),
      ])
      keeping = Promise.all([keepingClock, keepHandingOn(boss, options.outbox, handingOn)])
    },
    requestPoll: () => requestPoll(boss, options.poll.work.db),
    stop: async () => {
      stopping.abort()
      await keeping
      await boss.stop({ graceful: true, timeout: stopTimeoutMs })
    },
  }
}
