import type { PanelClient, PanelUser } from '../panel/types.ts'
import { drawAsked } from '../store/clock.ts'
import type { Database } from '../store/database.ts'
import { observeUsers } from './observe-users.ts'

/** Users asked for at once: the panel spends about 4 ms on each, so one page keeps it busy for under half a second. */
export const pageSize = 100

export type ReadUsers = {
  db: Database
  panel: PanelClient
  /** Called after each answer with the milliseconds it took the panel; resolves when it may be asked again. */
  rest: (tookMs: number, signal: AbortSignal) => Promise<void>
  now: () => number
  signal: AbortSignal
  /** Users asked for at once, an even number; left out: {@link pageSize}. */
  pageSize?: number
}

/** How many users of how many have been read. */
export type UsersProgress = { done: number; total: number }

/**
 * Reads users from the panel, page by page in constant memory, and stores what it says of them.
 *
 * @param filter `admin`: only the users of this admin. `token`: read with its rights, not the configured account's. `onDropped` is told whose readings overlapped another observation.
 * @param progress told after each page.
 * @returns how many users there were.
 */
export async function readUsers(
  work: ReadUsers,
  filter: { admin?: string; token?: string; onDropped?: (usernames: string[]) => Promise<void> },
  progress: (users: UsersProgress) => Promise<void>,
): Promise<number> {
  const { db, panel } = work
  const size = work.pageSize ?? pageSize
  const { admin, token, onDropped } = filter
  let offset = 0
  let before: readonly PanelUser[] = []
  for (;;) {
    work.signal.throwIfAborted()
    const asked = await drawAsked(db)
    const startedAt = work.now()
    const page = await panel.users(
      { ...(admin !== undefined && { admin }), offset, limit: size },
      token === undefined ? {} : { token },
    )
    const tookMs = work.now() - startedAt
    const { dropped } = await observeUsers(db, asked, page.users)
    if (dropped.length > 0) await onDropped?.(dropped)
    // The list is ordered by age and each page begins with the newest user of the page before. One that begins later
    // shows that users were deleted meanwhile and the rest moved up: go back, so that nobody is passed over.
    const gap = offset > 0 && isGap(before, page.users[0])
    const done = gap ? offset : offset + page.users.length
    await progress({ done, total: Math.max(page.total, done) })
    await work.rest(tookMs, work.signal)
    if (gap) {
      offset = Math.max(0, offset - size / 2)
      continue
    }
    if (page.users.length < size) return done
    before = page.users
    offset = done - 1
  }
}

/** Whether a page that begins with `first` may leave users out after the page `before`. */
function isGap(before: readonly PanelUser[], first: PanelUser | undefined): boolean {
  const newest = before.at(-1)
  if (!newest) return false
  if (!first || first.createdAt > newest.createdAt) return true
  // Panels on MySQL know whole seconds only: many users can be equally old.
  return first.createdAt === newest.createdAt && !before.some(({ username }) => username === first.username)
}
