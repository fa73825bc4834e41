import { isLedgerError } from '../../errors.ts'

/** Work of this replica that fails now. */
export type Failure = {
  /** The queue, or another part of the background work, and what it was about. */
  work: string
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
  failed(work: string, error: unknown): void
  succeeded(work: string): void
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
      const known = failures.get(work)
      failures.set(work, {
        work,
        code: isLedgerError(error) ? error.code : 'internal_error',
        message: (error instanceof Error ? error.message : String(error)).slice(0, longestMessage),
        since: known?.since ?? lastAt,
        lastAt,
        times: (known?.times ?? 0) + 1,
      })
    },
    succeeded: (work) => void failures.delete(work),
    list() {
      for (const [work, { lastAt }] of failures) {
        if (now() - lastAt.getTime() > forgetMs) failures.delete(work)
      }
      return [...failures.values()].toSorted((a, b) => b.lastAt.getTime() - a.lastAt.getTime())
    },
  }
}
