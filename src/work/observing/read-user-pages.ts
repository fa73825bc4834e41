import { isLedgerError } from '../../errors.ts'
import type { PanelClient, PanelUser } from '../../panel/panel.ts'
import {
  forgetUnreadable,
  listUnreadableUsers,
  type UnreadableEntry,
} from '../../store/collecting/unreadable-items.ts'
import type { Database } from '../../store/connection/database.ts'
import { type Asked, drawAsked } from '../../store/connection/logical-clock.ts'
import { type Statement, sendTogether } from '../../store/connection/together.ts'
import { observePage } from './observe-page.ts'
import { planPages } from './page-plan.ts'
import { createPageSize, pageSize } from './page-size.ts'
import { noteUnreadable, toUnreadableEntry } from './unreadable-items.ts'

/** Users known as unreadable that are looked out for while users are read. */
const knownAtMost = 1_000

export type ReadingDeps = {
  db: Database
  panel: PanelClient
  /** Called after each answer with the milliseconds it took the panel; resolves when it may be asked again. */
  rest: (tookMs: number, signal: AbortSignal) => Promise<void>
  now: () => number
  signal: AbortSignal
  /** Users that are usually asked for at once, an even number; left out: {@link pageSize}. */
  pageSize?: number
  /** Called once for each user that cannot be read. */
  onUnreadable?: (entry: UnreadableEntry) => void
}

/** {@link ReadingDeps}, of which this much of the panel is enough. */
export type PagingDeps = Omit<ReadingDeps, 'panel'> & { panel: Pick<PanelClient, 'users' | 'countUsers'> }

/** How many users of how many have been read. */
export type UsersProgress = { done: number; total: number }

/** Returns the statements that note the progress. They go with the next one that is sent anyway, after the panel's rest. */
export type Progress = (users: UsersProgress) => readonly Statement<unknown>[]

/** Whose users are read, and how. */
export type UsersToRead = {
  /** Only the users of this admin. */
  admin?: string
  /** Its account. */
  adminId?: bigint
  /** Read with its rights, not the configured account's. */
  token?: string
  /** Where in the list users were found before that make the panel fail. */
  failingAt?: readonly number[]
  /** Which users of a page are to be stored; left out: all. */
  newsOf?: (users: readonly PanelUser[], asked: Asked) => Promise<readonly PanelUser[]>
  /** Called with the users whose readings overlapped another observation, or may count bytes twice. */
  onDropped?: (usernames: string[]) => Promise<void>
}

export type UsersRead = {
  /** How many users there were. */
  done: number
  /** How many of them were listed and could not be used. */
  unreadable: number
  /** How many could not even be listed, and where those are that are known one by one. */
  unlisted: number
  failingAt: readonly number[]
}

/**
 * Reads users from the panel, page by page in constant memory, and stores what it says of them. A user that cannot be used
 * spoils only itself: it is left out and put on the list of what is unreadable. A page that fails as a whole is halved, down
 * to the user that makes it fail.
 *
 * @param progress called after each page.
 * @throws the panel's and the database's errors.
 */
export async function readUsers(
  deps: PagingDeps,
  filter: UsersToRead,
  progress: Progress,
): Promise<UsersRead> {
  const { db, panel } = deps
  const { admin, token, adminId = null } = filter
  const of = admin === undefined ? {} : { admin }
  const as = token === undefined ? {} : { token }
  const size = createPageSize(deps.pageSize ?? pageSize)
  const plan = planPages(size, filter.failingAt ?? [])
  const known = new Set(await listUnreadableUsers(db, knownAtMost))
  let unreadable = 0
  let total = 0
  let reports: readonly Statement<unknown>[] = []
  for (;;) {
    deps.signal.throwIfAborted()
    const asked = await drawAsked(db, reports)
    reports = []
    const startedAt = deps.now()
    const { once, ...part } = plan.next()
    const page = await panel.users({ ...of, ...part }, { ...as, once }).catch(unlessUnusable)
    if (page === null) {
      size.failed()
      // A panel that lists no user at all does not fail because of one.
      if (plan.failed() === 'pass over') total = Math.max(total, await panel.countUsers(of, as))
      await deps.rest(deps.now() - startedAt, deps.signal)
      continue
    }
    const answeredAt = deps.now()
    const panelMs = answeredAt - startedAt
    const news = filter.newsOf ? await filter.newsOf(page.users, asked) : page.users
    const { dropped, uncountable } = await observePage(db, asked, news, { isList: true })
    size.stored({ panelMs, ledgerMs: deps.now() - answeredAt })
    if (dropped.length > 0) await filter.onDropped?.(dropped)
    const entries = [
      ...page.unreadable.flatMap((item) => toUnreadableEntry(item, adminId) ?? []),
      ...uncountable.map(({ username, reason }) => ({
        kind: 'user' as const,
        name: username,
        adminId,
        reason,
      })),
    ]
    unreadable += page.unreadable.length + uncountable.length
    await noteUnreadable(deps, asked, entries)
    await forgetRead(db, asked, page.users, { known, except: entries })
    const { done, over } = plan.read(page)
    total = Math.max(page.total, done)
    reports = progress({ done, total })
    await deps.rest(panelMs, deps.signal)
    if (over) {
      if (reports.length > 0) await sendTogether(db, [...reports])
      // The last stretch may reach beyond the end of the list.
      const unlisted = Math.min(plan.passedOver(), total)
      return { done, unreadable, unlisted, failingAt: plan.failingAt }
    }
  }
}

function unlessUnusable(error: unknown): null {
  if (isLedgerError(error) && error.unusable) return null
  throw error
}

/** Users that were unreadable, and have been read. */
async function forgetRead(
  db: Database,
  asked: Asked,
  users: readonly { username: string }[],
  { known, except }: { known: ReadonlySet<string>; except: readonly UnreadableEntry[] },
): Promise<void> {
  if (known.size === 0) return
  const spoilt = new Set(except.map(({ name }) => name))
  const read = users.map(({ username }) => username)
  await forgetUnreadable(
    db,
    'user',
    asked,
    read.filter((username) => known.has(username) && !spoilt.has(username)),
  )
}
