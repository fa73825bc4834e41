import { isLedgerError, type LedgerError } from '../../errors.ts'
import { longestAskedFor, type PanelClient, type PanelUser } from '../../panel/panel.ts'
import { forgetUnreadable } from '../../store/collecting/unreadable-items.ts'
import { drawAsked } from '../../store/connection/logical-clock.ts'
import { observePage } from './observe-page.ts'
import { observeGone } from './observe-users.ts'
import type { ReadingDeps } from './read-user-pages.ts'
import { noteUnreadable } from './unreadable-items.ts'

/** After so many failures one after the other, the users may not be the reason. */
const failuresInARow = 3

/**
 * Asks the panel for users by name, one after the other, and stores what it says of each: its counters, that it is gone, or
 * that it cannot be read. A name that fits into no question is passed over. After a bad answer about one user, or none, the next one is
 * read.
 *
 * @param adminId the account whose users they are; null: none in particular.
 * @returns how many could not be read.
 * @throws the panel's errors; `AbortError` when `deps.signal` is aborted.
 */
export async function readNamedUsers(
  deps: ReadingDeps,
  usernames: Iterable<string>,
  adminId: bigint | null = null,
): Promise<number> {
  let unreadable = 0
  let first: LedgerError | null = null
  let inARow = 0
  for (const username of usernames) {
    deps.signal.throwIfAborted()
    const startedAt = deps.now()
    try {
      if ((await readNamedUser(deps, username, adminId)) === 'unreadable') unreadable += 1
      inARow = 0
    } catch (error) {
      if (!isLedgerError(error, 'panel_bad_answer', 'panel_timeout')) throw error
      first ??= error
      inARow += 1
      // A panel that is silent is not asked for more. One that answers other questions goes on to the next user: otherwise the first
      // ones would keep all others from being read.
      if (inARow % failuresInARow === 0) {
        if (error.code === 'panel_timeout') throw error
        await deps.panel.account()
      }
    }
    await deps.rest(deps.now() - startedAt, deps.signal)
  }
  if (first) throw first
  return unreadable
}

/** How often a user is asked for whose reading overlapped another observation; then that one has to do. */
const questionsAtMost = 3

/** Asks the panel for one user and stores what it says: its counters, that it is gone, or that it cannot be read. */
export async function readNamedUser(
  deps: Pick<ReadingDeps, 'db' | 'panel' | 'onUnreadable'>,
  username: string,
  adminId: bigint | null = null,
): Promise<'asked' | 'unreadable'> {
  for (let question = 1; ; question += 1) {
    const outcome = await askFor(deps, username, adminId)
    if (outcome !== 'dropped') return outcome
    if (question === questionsAtMost) return 'asked'
  }
}

async function askFor(
  deps: Pick<ReadingDeps, 'db' | 'panel' | 'onUnreadable'>,
  username: string,
  adminId: bigint | null,
): Promise<'asked' | 'dropped' | 'unreadable'> {
  const { db, panel } = deps
  const asked = await drawAsked(db)
  try {
    const user = await findUser(panel, username)
    const { dropped, uncountable } = user
      ? await observePage(db, asked, [user])
      : { dropped: [], uncountable: [] }
    // A panel on MySQL takes other letters for the same name: then this is another user.
    const isNoted = user?.username === username || (await observeGone(db, asked, username))
    const [spoilt] = uncountable
    if (spoilt) {
      await noteUnreadable(deps, asked, [
        { kind: 'user', name: spoilt.username, adminId, reason: spoilt.reason },
      ])
      return 'unreadable'
    }
    await forgetUnreadable(db, 'user', asked, [username])
    return isNoted && dropped.length === 0 ? 'asked' : 'dropped'
  } catch (error) {
    if (isLedgerError(error, 'invalid_request')) return 'asked'
    if (!isLedgerError(error, 'user_unreadable')) throw error
    await noteUnreadable(deps, asked, [{ kind: 'user', name: username, adminId, reason: error.message }])
    return 'unreadable'
  }
}

/**
 * The user of this name; null: the panel has none. A name with a slash, which only the panel's database takes, fits into no path.
 * Lists can be asked for it.
 */
async function findUser(panel: PanelClient, username: string): Promise<PanelUser | null> {
  try {
    return await panel.user(username)
  } catch (error) {
    if (!isLedgerError(error, 'invalid_request') || username.length > longestAskedFor) throw error
    const { users, total } = await panel.users({ usernames: [username], offset: 0, limit: 1 })
    const user = users.find((listed) => listed.username === username)
    if (user === undefined && total > 0) throw error
    return user ?? null
  }
}
