import { fromKysely, type Job, type PgBoss } from 'pg-boss'
import type { ReadingDeps } from '../work/observing/read-user-pages.ts'
import { readNamedUsers } from '../work/observing/read-users-by-name.ts'
import { makeQueue } from './make-queue.ts'
import { type JobContext, reportingFailures } from './report-failures.ts'

const queue = 'observations'
/** Notifications come in a bunch: users that wait are read together, each once. */
const atOnce = 50
/** Names of one job, which begins at its first one again when it fails: a notification can hold thousands. */
const namesOfOne = 20

export type ObservationJobs = { work: Omit<ReadingDeps, 'signal'> }

/** Reads the users that {@link sendObservation} names, on whichever replica is free. */
export async function startObserving(
  boss: PgBoss,
  { work }: ObservationJobs,
  context: JobContext,
): Promise<void> {
  await makeQueue(boss, queue, {
    // After that, the next scan reads the users.
    retryLimit: 10,
    retryDelay: 2,
    retryBackoff: true,
    retryDelayMax: 60,
    expireInSeconds: 3_600,
    heartbeatSeconds: 10,
    deleteAfterSeconds: 600,
  })
  const options = { pollingIntervalSeconds: 1, batchSize: atOnce }
  const read = async (jobs: Job<{ usernames: string[] }>[]) => {
    const signal = AbortSignal.any([context.stopping, ...jobs.map((job) => job.signal)])
    await readNamedUsers({ ...work, signal }, new Set(jobs.flatMap(({ data }) => data.usernames)))
  }
  await boss.work(queue, options, reportingFailures(queue, context, read))
}

/** Enqueues the reading of users, as part of the transaction `tx`. */
export async function sendObservation(
  boss: PgBoss,
  tx: Parameters<typeof fromKysely>[0],
  usernames: readonly string[],
): Promise<void> {
  const jobs: { data: { usernames: string[] } }[] = []
  for (let start = 0; start < usernames.length; start += namesOfOne) {
    jobs.push({ data: { usernames: usernames.slice(start, start + namesOfOne) } })
  }
  if (jobs.length > 0) await boss.insert(queue, jobs, { db: fromKysely(tx) })
}
