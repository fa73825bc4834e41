import type { Work } from '../work/collecting/failure-log.ts'

/** What every queue needs. */
export type JobContext = {
  /** Aborted when the service stops. */
  stopping: AbortSignal
  /** Called for each job that failed: pg-boss itself only writes that into its table. */
  onFailure: (work: Work, error: unknown) => void
  onSuccess: (work: Work) => void
}

/** `handle`, with its failures reported. A job that gives up because the service stops has not failed. */
export function reportingFailures<Jobs>(
  queue: string,
  { stopping, onFailure, onSuccess }: JobContext,
  handle: (jobs: Jobs) => Promise<void>,
): (jobs: Jobs) => Promise<void> {
  return async (jobs) => {
    try {
      await handle(jobs)
      onSuccess(workOf(queue, jobs))
    } catch (error) {
      if (!stopping.aborted) onFailure(workOf(queue, jobs), error)
      throw error
    }
  }
}

/** One job of a queue may fail while another one succeeds. */
function workOf(queue: string, jobs: unknown): Work {
  const [job, ...others] = jobs as { data?: { id?: string; adminId?: string; place?: string } | null }[]
  const { id, adminId, place } = job?.data ?? {}
  const about = others.length > 0 ? undefined : (id ?? adminId ?? place)
  return about === undefined ? { kind: queue } : { kind: queue, about }
}
