import type { PgBoss } from 'pg-boss'
import { type PollPanel, pollPanel } from '../work/poll-panel.ts'

const queue = 'poll'
/** At most one poll waits under this key: the one that follows the poll now running. */
const next = { singletonKey: 'next' }

export type PollJob = {
  work: PollPanel
  intervalSeconds: number
  /** Called after a poll that was answered. */
  afterPoll: () => Promise<void>
}

/**
 * Polls the panel every `intervalSeconds`. Each poll enqueues the one after it before it begins, so that no crash breaks
 * the chain; once a minute a schedule mends a chain that a lost database has broken all the same.
 */
export async function startPolling(
  boss: PgBoss,
  { work, intervalSeconds, afterPoll }: PollJob,
): Promise<void> {
  await boss.createQueue(queue, {
    policy: 'short',
    retryLimit: 0,
    expireInSeconds: 300,
    heartbeatSeconds: 10,
    deleteAfterSeconds: 600,
  })
  await boss.work(queue, { pollingIntervalSeconds: 1 }, async () => {
    await boss.send(queue, {}, { ...next, startAfter: intervalSeconds })
    if (await pollPanel(work)) await afterPoll()
  })
  await boss.schedule(queue, '* * * * *', {}, next)
  await boss.send(queue, {}, next)
}

/** Makes a poll due now, beside the one that is due in its time. */
export async function requestPoll(boss: PgBoss): Promise<void> {
  await boss.send(queue, {}, { singletonKey: 'now' })
}
