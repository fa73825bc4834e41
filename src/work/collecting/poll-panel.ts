import { isLedgerError, type LedgerError } from '../../errors.ts'
import { readPanelPoll, recordPollFailure, secondsSincePoll } from '../../store/collecting/panel-poll.ts'
import type { Database } from '../../store/connection/database.ts'
import { drawAsked } from '../../store/connection/logical-clock.ts'
import { type ObservingDeps, pollAdmins } from '../observing/observe-admins.ts'

export type PollingDeps = ObservingDeps & {
  /** Called when the panel stops answering as it should, or fails in another way than before. */
  onFailure: (error: LedgerError) => void
  /** Called each time that the panel does not answer as it should. */
  onFailedPoll?: (error: LedgerError) => void
  /** Called when the panel answers again. */
  onRecovery: () => void
}

/**
 * Polls the panel once and keeps how it went. A panel that does not answer is no failure of the poll: it is noted, and
 * the next poll comes anyway.
 *
 * @returns whether the panel answered.
 * @throws `database_unavailable`.
 */
export async function pollPanel(deps: PollingDeps): Promise<boolean> {
  const { db } = deps
  const asked = await drawAsked(db)
  const before = await readPanelPoll(db)
  try {
    await pollAdmins(deps, asked)
  } catch (error) {
    if (!isLedgerError(error) || error.code === 'database_unavailable') throw error
    deps.onFailedPoll?.(error)
    const isNews = await recordPollFailure(db, asked, error)
    if (isNews) deps.onFailure(error)
    return false
  }
  if (before.error !== null) deps.onRecovery()
  return true
}

/** Whether more than two intervals have passed since the panel was last polled, or the last poll lies in the future. */
export async function isPollOverdue(db: Database, intervalSeconds: number): Promise<boolean> {
  const secondsAgo = await secondsSincePoll(db)
  return secondsAgo === null || Math.abs(secondsAgo) > 2 * intervalSeconds
}
