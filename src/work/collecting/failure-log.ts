import { isLedgerError } from '../../errors.ts'

/** A part of the background work. One about a user or an admin may fail while another one succeeds. */
export type Work = {
  /** The queue, or another part of the background work. Anyone may read it. */
  kind: string
  /** The admin or the id that it is about. Strangers must not read it. */
  about?: string | undefined
}

/** Work of this replica that fails now. */
export type Failure = {
  work: Work
  /** For programs; `internal_error`: the log has the cause. */
  code: string
  message: string
  /** When it failed first since it last succeeded. */
  since: Date
  lastAt: Date
  times: number
}

/** What fails in the background, of this replica since its start. It needs no database, which may be what fails. */
export type FailureLog = {
  failed(work: Work, error: unknown): void
  succeeded(work: Work): void
  /** The latest first. */
  list(): Failure[]
}

/** What has neither failed nor succeeded for so long goes on elsewhere, or was given up. */
const forgetMs = 3_600_000
const longestMessage = 300

/** @param now milliseconds since 1970. */
export function createFailureLog(now: () => number): FailureLog {
  const failures = new Map<string, Failure>()
  return {
    failed(work, error) {
      const lastAt = new Date(now())
      const known = failures.get(keyOf(work))
      failures.set(keyOf(work), {
        work,
        code: isLedgerError(error) ? error.code : 'internal_error',
        message: (error instanceof Error ? error.message : String(error)).slice(0, longestMessage),
        since: known?.since ?? lastAt,
        lastAt,
        times: (known?.times ?? 0) + 1,
      })
    },
    succeeded: (work) => void failures.delete(keyOf(work)),
    list() {
      for (const [key, { lastAt }] of failures) {
        // What lies in the future was noted before the clock was set back: nobody knows how long ago.
        if (Math.abs(now() - lastAt.getTime()) > forgetMs) failures.delete(key)
      }
      return [...failures.values()].toSorted((a, b) => b.lastAt.getTime() - a.lastAt.getTime())
    },
  }
}

function keyOf({ kind, about }: Work): string {
  return JSON.stringify([kind, about])
}
