import type { Job, PgBoss } from 'pg-boss'
import { turnDueLimits } from '../work/limits/turn-due-limits.ts'
import { makeQueue } from './make-queue.ts'
import { type JobContext, reportingFailures } from './report-failures.ts'

const queue = 'limits'

export type LimitJob = { db: Parameters<typeof turnDueLimits>[0] }

/** Closes periods that have ended, and notices what is no longer valid: once a minute, on whichever replica is free. */
export async function startTurningLimits(boss: PgBoss, { db }: LimitJob, context: JobContext): Promise<void> {
  await makeQueue(boss, queue, {
    policy: 'stately',
    retryLimit: 0,
    expireInSeconds: 600,
    heartbeatSeconds: 10,
    deleteAfterSeconds: 600,
  })
  const turn = (jobs: Job[]) =>
    turnDueLimits(db, AbortSignal.any([context.stopping, ...jobs.map((job) => job.signal)]))
  await boss.work(queue, { pollingIntervalSeconds: 1 }, reportingFailures(queue, context, turn))
  await boss.schedule(queue, '* * * * *', {})
  await boss.send(queue, {})
}
