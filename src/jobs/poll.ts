import { fromKysely, type Job, type PgBoss } from 'pg-boss'
import { isPollOverdue, type PollingDeps, pollPanel } from '../work/collecting/poll-panel.ts'
import { makeQueue } from './make-queue.ts'
import { type JobContext, reportingFailures } from './report-failures.ts'

const queue = 'poll'
/** At most one poll waits under this key: the one that follows the poll now running. */
const next = { singletonKey: 'next' }

export type PollJob = {
  work: PollingDeps
  intervalSeconds: number
  /** Called after a poll that was answered. */
  afterPoll: () => Promise<void>
}

/**
 * Polls the panel every `intervalSeconds`. Each poll enqueues the one after it before it begins, so that no crash breaks
 * the chain. Once a minute a schedule checks that it goes on: a lost database may have broken it, and when the database's
 * clock is set back, the next poll would wait until the clock has caught up.
 */
export async function startPolling(
  boss: PgBoss,
  { work, intervalSeconds, afterPoll }: PollJob,
  context: JobContext,
): Promise<void> {
  await makeQueue(boss, queue, {
    policy: 'short',
    retryLimit: 0,
    expireInSeconds: 300,
    heartbeatSeconds: 10,
    deleteAfterSeconds: 600,
  })
  const poll = async ([job]: Job<PollData>[]) => {
    if (job?.data.onlyIfOverdue && !(await isPollOverdue(work.db, intervalSeconds))) return
    await boss.send(queue, {}, { ...next, startAfter: intervalSeconds })
    if (await pollPanel(work)) await afterPoll()
  }
  await boss.work(queue, { pollingIntervalSeconds: 1 }, reportingFailures(queue, context, poll))
  await boss.schedule(queue, '* * * * *', { onlyIfOverdue: true }, { singletonKey: 'overdue' })
  await boss.send(queue, {}, next)
}

type PollData = { onlyIfOverdue?: boolean }

/**
 * Makes a poll due now, beside the one that is due in its time.
 *
 * @param db whose failures have names, as those of the queues' own connections do not.
 */
export async function requestPoll(boss: PgBoss, db: PollingDeps['db']): Promise<void> {
  await boss.send(queue, {}, { singletonKey: 'now', db: fromKysely(db) })
}
