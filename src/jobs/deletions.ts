import { fromKysely, type Job, type PgBoss } from 'pg-boss'
import { type BulkDeletion, runBulkDeletion } from '../work/bulk-deletion.ts'
import { settleDeletions } from '../work/deleting/settle.ts'
import type { EnqueueDeletion } from '../work/request-deletion.ts'
import { type JobContext, tellingFailures } from './handler.ts'

const bulkQueue = 'deletions'
const settleQueue = 'settle-deletions'

export type DeletionJobs = { work: Omit<BulkDeletion, 'signal'> }

/**
 * Carries out bulk deletions one after the other, on whichever replica is free, and once a minute settles single ones
 * that a stopped service left behind.
 */
export async function startDeleting(
  boss: PgBoss,
  { work }: DeletionJobs,
  context: JobContext,
): Promise<void> {
  await boss.createQueue(bulkQueue, {
    policy: 'singleton',
    // The panel may be away for days: what is to be deleted stands in the ledger and is not forgotten.
    retryLimit: 100_000,
    retryDelay: 2,
    retryBackoff: true,
    retryDelayMax: 60,
    retentionSeconds: 30 * 86_400,
    expireInSeconds: 86_400,
    heartbeatSeconds: 10,
    deleteAfterSeconds: 600,
  })
  const carryOut = async ([job]: Job<{ id: string }>[]) => {
    if (!job) return
    const signal = AbortSignal.any([context.stopping, job.signal])
    await runBulkDeletion({ ...work, signal }, BigInt(job.data.id))
    // Not ended: the queue hands it to another replica, or to this one when it is back.
    signal.throwIfAborted()
  }
  await boss.work(bulkQueue, { pollingIntervalSeconds: 0.5 }, tellingFailures(bulkQueue, context, carryOut))

  await boss.createQueue(settleQueue, {
    policy: 'stately',
    retryLimit: 0,
    expireInSeconds: 600,
    heartbeatSeconds: 10,
    deleteAfterSeconds: 600,
  })
  const settle = () => settleDeletions(work)
  await boss.work(settleQueue, { pollingIntervalSeconds: 1 }, tellingFailures(settleQueue, context, settle))
  await boss.schedule(settleQueue, '* * * * *', {})
  await boss.send(settleQueue, {})
}

/** Enqueues a bulk deletion in the transaction that opens it. */
export function enqueueDeletion(boss: PgBoss): EnqueueDeletion {
  return async (tx, id) => {
    await boss.send(bulkQueue, { id: String(id) }, { db: fromKysely(tx) })
  }
}
