import { isLedgerError } from '../errors.ts'
import { drawAsked } from '../store/clock.ts'
import { observeGone, observeUsers } from './observe-users.ts'
import type { ReadUsers } from './read-users.ts'

/**
 * Asks the panel for users by name, one after the other, and stores what it says of each: its counters, or that it is
 * gone. A name that no user can have is passed over.
 *
 * @throws the panel's errors; `AbortError` when `work.signal` is aborted.
 */
export async function readNamedUsers(work: ReadUsers, usernames: Iterable<string>): Promise<void> {
  for (const username of usernames) {
    work.signal.throwIfAborted()
    const startedAt = work.now()
    await readNamedUser(work, username)
    await work.rest(work.now() - startedAt, work.signal)
  }
}

/** How often a user is asked for whose reading overlapped another observation; then that one has to do. */
const questionsAtMost = 3

/** Asks the panel for one user and stores what it says: its counters, or that it is gone. */
export async function readNamedUser(
  { db, panel }: Pick<ReadUsers, 'db' | 'panel'>,
  username: string,
): Promise<void> {
  try {
    for (let question = 1; question <= questionsAtMost; question += 1) {
      const asked = await drawAsked(db)
      const user = await panel.user(username)
      const { dropped } = user ? await observeUsers(db, asked, [user]) : { dropped: [] }
      // A panel on MySQL takes other letters for the same name: who answers to it there is another user.
      if (user?.username !== username) await observeGone(db, asked, username)
      if (dropped.length === 0) return
    }
  } catch (error) {
    if (!isLedgerError(error, 'invalid_request')) throw error
  }
}
