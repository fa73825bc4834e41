import { databaseUnavailable } from './unavailable.ts'

/** Hands out the right to use one of a fixed number of connections, first come, first served. */
export type ConnectionQueue = {
  /** How many may be used at a time. */
  max: number
  /** @throws `database_unavailable` when no connection has come free for some seconds. */
  take(): Promise<void>
  /** @param served false: there was no connection to be had. */
  giveBack(served: boolean): void
  /** Milliseconds of the longest present wait; 0: nothing waits. */
  longestWaitMs(): number
}

type Waiting = { since: number; resolve: () => void; reject: (error: Error) => void }

/** When no connection comes free for this long the database is stuck; until then it is busy. */
const stuckMs = 5_000

/**
 * A queue before the pool. The pool's own gives up after the same time on a database that is away and on one that is
 * busy, and only the text of a message says which.
 */
export function createConnectionQueue(max: number): ConnectionQueue {
  const waiting: Waiting[] = []
  let inUse = 0
  let stuck: NodeJS.Timeout | undefined

  const rejectWaiting = () => {
    stuck = undefined
    for (const { reject } of waiting.splice(0)) reject(databaseUnavailable())
  }
  return {
    max,
    async take() {
      if (inUse < max) {
        inUse += 1
        return
      }
      if (waiting.length === 0) stuck = setTimeout(rejectWaiting, stuckMs)
      await new Promise<void>((resolve, reject) => {
        waiting.push({ since: performance.now(), resolve, reject })
      })
    },
    giveBack(served) {
      if (served) stuck?.refresh()
      const next = waiting.shift()
      if (next) next.resolve()
      else inUse -= 1
      if (waiting.length > 0) return
      clearTimeout(stuck)
      stuck = undefined
    },
    longestWaitMs: () => (waiting[0] ? performance.now() - waiting[0].since : 0),
  }
}
