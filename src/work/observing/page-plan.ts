import type { PanelUser, PanelUserPage } from '../../panel/panel.ts'
import type { PageSize } from './page-size.ts'

/** How many lists of one admin may fail in the search for users that make them fail; beyond, whole pages are passed over. */
const failuresSearched = 300

/** Which part of the list of users is asked for next. */
export type PagePlan = {
  next(): { offset: number; limit: number; once: boolean }
  /** What was asked for has come: `done` of the list have been looked at; `over`: it ends there. */
  read(page: PanelUserPage): { done: number; over: boolean }
  /**
   * What was asked for is of no use as a whole. `halve`: less will be asked for. `pass over`: it consists of one user, or the
   * search has taken long enough; the next ones will be asked for.
   */
  failed(): 'halve' | 'pass over'
  /** Where single users make the list fail, ascending. */
  readonly failingAt: readonly number[]
  /** How many users have been passed over, those among them. */
  passedOver(): number
}

/**
 * Plans how a list of users is read that users may join and leave meanwhile, and of which some make every page fail that
 * they are on. The list is ordered by age, and each page begins with the newest user of the page before.
 *
 * @param size users on a page, an even number; it may change from one page to the next.
 * @param failing where users were found before that make pages fail: so they spoil no page again.
 */
export function planPages(size: Pick<PageSize, 'users'>, failing: readonly number[]): PagePlan {
  let offset = 0
  let limit = size.users
  let before: readonly PanelUser[] = []
  /** The end of a stretch, from `offset` on, that is known to hold a user that makes it fail; null: none is known. */
  let suspectEnd: number | null = null
  let failures = 0
  let passedOver = 0
  const failingAt: number[] = []

  const goOnAt = (place: number): void => {
    offset = place
    before = []
    if (suspectEnd !== null && offset >= suspectEnd) suspectEnd = null
  }

  const limitAt = (place: number): number => {
    if (suspectEnd !== null) return Math.max(1, Math.floor((suspectEnd - place) / 2))
    const next = failing.find((known) => known >= place)
    if (next === undefined) return size.users
    return next === place ? 1 : Math.min(size.users, next - place)
  }

  return {
    failingAt,
    passedOver: () => passedOver,
    next() {
      limit = limitAt(offset)
      // A page of the user alone that the last one ended with would lead nowhere.
      if (limit === 1 && before.length > 0) {
        goOnAt(offset + 1)
        limit = limitAt(offset)
      }
      return { offset, limit, once: suspectEnd !== null && limit > 1 }
    },
    read(page) {
      const listed = page.users.length + page.unreadable.length
      // A page that begins later than the one before ended shows that users were deleted meanwhile and the rest moved up: go
      // back, so that no user is passed over.
      if (offset > 0 && isGap(before, page)) {
        const done = offset
        offset = Math.max(0, offset - size.users / 2)
        return { done, over: false }
      }
      // What was passed over last may reach beyond the end of the list.
      const done = listed === 0 ? Math.min(offset, page.total) : offset + listed
      // A panel, or what stands in front of it, may give fewer users at once than it was asked for.
      const over = listed === 0 || (listed < limit && done >= page.total)
      const last = lastReadable(page)
      if (suspectEnd !== null || last < 1) goOnAt(done)
      else {
        before = page.users
        offset += last
      }
      return { done, over }
    },
    failed() {
      failures += 1
      if (limit > 1 && failures <= failuresSearched) {
        suspectEnd = offset + limit
        return 'halve'
      }
      if (limit === 1) failingAt.push(offset)
      passedOver += limit
      suspectEnd = null
      goOnAt(offset + limit)
      return 'pass over'
    },
  }
}

/** The place of the last user on the page that can be used; -1: none can. */
function lastReadable({ users, unreadable }: PanelUserPage): number {
  const spoilt = new Set(unreadable.map(({ index }) => index))
  let last = users.length + unreadable.length - 1
  while (spoilt.has(last)) last -= 1
  return last
}

/** Whether a page may leave users out after the page `before`. */
function isGap(before: readonly PanelUser[], { users, unreadable }: PanelUserPage): boolean {
  const newest = before.at(-1)
  if (!newest || unreadable.some(({ index }) => index === 0)) return false
  const [first] = users
  if (!first || first.createdAt > newest.createdAt) return true
  // Panels on MySQL know whole seconds only: many users can be equally old.
  return first.createdAt === newest.createdAt && !before.some(({ username }) => username === first.username)
}
