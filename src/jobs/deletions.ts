import { createHash } from 'node:crypto'
import { fromKysely, type Job, type PgBoss } from 'pg-boss'
import {
  advanceBulkDeletion,
  type BulkDeletionDeps,
  openBulkDeletions,
} from '../work/deleting/bulk-deletion.ts'
import { takeTurns } from '../work/deleting/deletion-turns.ts'
import { settleDeletions } from '../work/deleting/settle.ts'
import { makeQueue } from './make-queue.ts'
import { type JobContext, reportingFailures } from './report-failures.ts'

const bulkQueue = 'bulk-deletions'
const placeQueue = 'deletion-places'
const settleQueue = 'settle-deletions'

export type DeletionJobs = { work: Omit<BulkDeletionDeps, 'signal'> }

/** Deletions of bulk deletions at the same time, on all replicas together: the panel has one core, and others to serve. */
const places = ['place 1', 'place 2', 'place 3', 'place 4']

/**
 * Carries out bulk deletions, on whichever replica is free, and once a minute settles single ones that a stopped service
 * left behind. Each bulk deletion has a job of its own, which collects its users and ends it; the users themselves are
 * deleted by the jobs of four places, each of which takes the user whose turn it is until none is left.
 */
export async function startDeleting(
  boss: PgBoss,
  { work }: DeletionJobs,
  context: JobContext,
): Promise<void> {
  await startAdvancing(boss, work, context)
  await startPlaces(boss, work, context)
  await makeQueue(boss, settleQueue, {
    policy: 'stately',
    retryLimit: 0,
    expireInSeconds: 600,
    heartbeatSeconds: 10,
    deleteAfterSeconds: 600,
  })
  const settle = async (jobs: Job[]) => {
    // A job that has run out is over for the queue, which soon begins the next one.
    const signal = AbortSignal.any([context.stopping, ...jobs.map((job) => job.signal)])
    // What is open stands in the ledger: a job that got lost is sent again.
    for (const bulk of await openBulkDeletions(work)) await lookAtBulk(boss, work.db, bulk, 0)
    await settleDeletions({ ...work, signal })
  }
  await boss.work(settleQueue, { pollingIntervalSeconds: 1 }, reportingFailures(settleQueue, context, settle))
  await boss.schedule(settleQueue, '* * * * *', {})
  await boss.send(settleQueue, {})
}

async function startAdvancing(boss: PgBoss, work: DeletionJobs['work'], context: JobContext): Promise<void> {
  await makeQueue(boss, bulkQueue, {
    policy: 'stately',
    // The panel may be away for days. The ledger holds what is to be deleted.
    retryLimit: 100_000,
    retryDelay: 2,
    retryBackoff: true,
    retryDelayMax: 60,
    retentionSeconds: 30 * 86_400,
    expireInSeconds: 86_400,
    heartbeatSeconds: 10,
    deleteAfterSeconds: 600,
  })
  const advance = async ([job]: Job<{ id: string }>[]) => {
    if (!job) return
    const signal = AbortSignal.any([context.stopping, job.signal])
    const usersWait = await advanceBulkDeletion({ ...work, signal }, BigInt(job.data.id))
    // Not ended: the queue hands it to another replica, or to this one when it is back.
    signal.throwIfAborted()
    if (usersWait) await offerPlaces(boss, work.db)
  }
  // To collect an admin's users takes the panel a while: of one caller's deletions, one at a time does so.
  const options = { pollingIntervalSeconds: 0.5, localConcurrency: 2, groupConcurrency: 1 }
  await boss.work(bulkQueue, options, reportingFailures(bulkQueue, context, advance))
}

async function startPlaces(boss: PgBoss, work: DeletionJobs['work'], context: JobContext): Promise<void> {
  await makeQueue(boss, placeQueue, {
    policy: 'stately',
    retryLimit: 100_000,
    retryDelay: 2,
    retryBackoff: true,
    retryDelayMax: 60,
    expireInSeconds: 86_400,
    heartbeatSeconds: 10,
    deleteAfterSeconds: 600,
  })
  const serve = async ([job]: Job<{ place: string }>[]) => {
    if (!job) return
    const signal = AbortSignal.any([context.stopping, job.signal])
    const again = (bulk: { id: bigint; requestedBy: string }, afterSeconds: number) =>
      lookAtBulk(boss, work.db, bulk, afterSeconds)
    await takeTurns({ ...work, signal, lookAgain: again }, job.data.place)
    signal.throwIfAborted()
  }
  const options = { pollingIntervalSeconds: 1, localConcurrency: places.length }
  await boss.work(placeQueue, options, reportingFailures(placeQueue, context, serve))
}

/** Has every place that is free look whose turn it is. One that is taken does so when it is free again. */
async function offerPlaces(boss: PgBoss, db: BulkDeletionDeps['db']): Promise<void> {
  for (const place of places) {
    await boss.send(placeQueue, { place }, { singletonKey: place, db: fromKysely(db) })
  }
}

/** Has a bulk deletion looked at after some seconds, as part of the transaction `db` if it is one. */
export async function lookAtBulk(
  boss: PgBoss,
  db: Parameters<typeof fromKysely>[0],
  { id, requestedBy }: { id: bigint; requestedBy: string },
  afterSeconds: number,
): Promise<void> {
  await boss.send(
    bulkQueue,
    { id: String(id) },
    {
      // What is to be looked at now does not wait for what is to be looked at later.
      singletonKey: afterSeconds > 0 ? `${id} later` : String(id),
      group: { id: createHash('sha256').update(requestedBy).digest('base64') },
      ...(afterSeconds > 0 && { startAfter: Math.ceil(afterSeconds) }),
      db: fromKysely(db),
    },
  )
}
