import { fromKysely, type Job, type PgBoss } from 'pg-boss'
import { enforceHold } from '../work/holding/enforce-hold.ts'
import { type HoldingDeps, heldAccounts } from '../work/holding/holding.ts'
import { makeQueue } from './make-queue.ts'
import { type JobContext, reportingFailures } from './report-failures.ts'

const queue = 'holds'
/** Accounts that one replica works on at the same time. */
const accountsAtOnce = 4

export type HoldJobs = { work: Omit<HoldingDeps, 'signal'> }

/**
 * Disables the users of held accounts and gives them back: one job an account, so that no account waits for another. A job that
 * fails comes again after the next poll.
 */
export async function startHolding(boss: PgBoss, { work }: HoldJobs, context: JobContext): Promise<void> {
  await makeQueue(boss, queue, {
    // Of each account one job runs, and one waits.
    policy: 'stately',
    retryLimit: 0,
    expireInSeconds: 86_400,
    heartbeatSeconds: 10,
    deleteAfterSeconds: 600,
  })
  const enforce = async ([job]: Job<{ adminId: string }>[]) => {
    if (!job) return
    const signal = AbortSignal.any([context.stopping, job.signal])
    try {
      await enforceHold({ ...work, signal }, BigInt(job.data.adminId))
    } catch (error) {
      // What is left to do comes again after the next poll.
      if (!signal.aborted) throw error
    }
  }
  const options = { pollingIntervalSeconds: 1, localConcurrency: accountsAtOnce }
  await boss.work(queue, options, reportingFailures(queue, context, enforce))
}

/** Has the background work look at the hold of an account, as part of the transaction `tx`. */
export async function lookAtHold(
  boss: PgBoss,
  tx: Parameters<typeof fromKysely>[0],
  adminId: bigint,
): Promise<void> {
  const data = { adminId: String(adminId) }
  await boss.send(queue, data, { singletonKey: data.adminId, db: fromKysely(tx) })
}

/** Has it look at all holds: users may have been enabled behind our back, or wait to be looked at once more. */
export async function lookAtHolds(boss: PgBoss, db: HoldingDeps['db']): Promise<void> {
  for (const adminId of await heldAccounts(db)) await lookAtHold(boss, db, adminId)
}
