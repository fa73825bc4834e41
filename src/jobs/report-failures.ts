/** What every queue is given. */
export type JobContext = {
  /** Aborted when the service stops. */
  stopping: AbortSignal
  /** Told of each job that failed: pg-boss itself notes that only in its table, where nobody looks. */
  onFailure: (queue: string, error: unknown) => void
}

/** `handle`, with its failures told; a job that gives up because the service stops has not failed. */
export function tellingFailures<Jobs>(
  queue: string,
  { stopping, onFailure }: JobContext,
  handle: (jobs: Jobs) => Promise<void>,
): (jobs: Jobs) => Promise<void> {
  return async (jobs) => {
    try {
      await handle(jobs)
    } catch (error) {
      if (!stopping.aborted) onFailure(queue, error)
      throw error
    }
  }
}
