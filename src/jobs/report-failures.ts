/** What every queue needs. */
export type JobContext = {
  /** Aborted when the service stops. */
  stopping: AbortSignal
  /** Called for each job that failed: pg-boss itself only writes that into its table. */
  onFailure: (queue: string, error: unknown) => void
}

/** `handle`, with its failures reported. A job that gives up because the service stops has not failed. */
export function reportingFailures<Jobs>(
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
