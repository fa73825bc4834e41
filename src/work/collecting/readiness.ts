import { isLedgerError } from '../../errors.ts'
import { readPanelPoll } from '../../store/collecting/panel-poll.ts'
import type { Database } from '../../store/connection/database.ts'
import { isMigrated } from '../../store/connection/migrate.ts'

/** `panelError`: why the last poll of the panel failed, which does not make the service unready. */
export type Readiness = { migrated: boolean; panelError: { code: string; message: string } | null }

/** How long one look at the database answers all callers: anyone may ask, as often as they like. */
const rememberMs = 1_000

/**
 * Looks whether requests can be served, at most once a second however many ask. What the schema is does not change under a
 * service that has found it right, unless the database says so.
 *
 * @param now a clock that cannot be set, in milliseconds.
 * @returns a function that throws `database_unavailable` when the database does not answer.
 */
export function createReadiness({ db, now }: { db: Database; now: () => number }): () => Promise<Readiness> {
  let isKnownMigrated = false
  let last: { answer: Promise<Readiness>; at: number; isOpen: boolean } | null = null

  const look = async (): Promise<Readiness> => {
    isKnownMigrated ||= await isMigrated(db)
    if (!isKnownMigrated) return { migrated: false, panelError: null }
    try {
      const { error } = await readPanelPoll(db)
      return { migrated: true, panelError: error }
    } catch (error) {
      if (isLedgerError(error)) throw error
      isKnownMigrated = await isMigrated(db)
      if (isKnownMigrated) throw error
      return { migrated: false, panelError: null }
    }
  }

  return () => {
    if (last && (last.isOpen || now() - last.at < rememberMs)) return last.answer
    const begun = { answer: look(), at: now(), isOpen: true }
    const end = () => {
      begun.isOpen = false
    }
    begun.answer.then(end, end)
    last = begun
    return begun.answer
  }
}
