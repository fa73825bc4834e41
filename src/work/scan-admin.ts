import { completeScan } from '../ledger/account.ts'
import type { PanelClient } from '../panel/types.ts'
import { lockAccounts, saveAccounts } from '../store/accounts.ts'
import { type Asked, drawAnswered, drawAsked } from '../store/clock.ts'
import type { Database } from '../store/database.ts'
import { beginScan, type DueScan, finishScan } from '../store/scans.ts'
import { listUnseen } from '../store/tenures.ts'
import { transact } from '../store/transact.ts'
import { observeGone, observeUsers } from './observe-users.ts'

/** Users asked for at once: the panel spends about 4 ms on each, so one page keeps it busy for under half a second. */
export const pageSize = 100

export type ScanAdmin = {
  db: Database
  panel: PanelClient
  /** Called after each answer with the milliseconds it took the panel; resolves when it may be asked again. */
  rest: (tookMs: number, signal: AbortSignal) => Promise<void>
  now: () => number
  signal: AbortSignal
}

/** How many users of how many have been read. */
export type UsersProgress = { done: number; total: number }

/**
 * Reads all users of one admin from the panel, page by page, asks by name for those known that did not appear, and
 * closes the account's opening balance. A scan that is interrupted has stored what it read and is begun again.
 *
 * @param progress told after each page.
 */
export async function scanAdmin(
  work: ScanAdmin,
  admin: DueScan,
  progress: (users: UsersProgress) => Promise<void>,
): Promise<void> {
  const { db } = work
  const begun = await drawAsked(db)
  await beginScan(db, admin.adminId, admin.panelReading)
  const users = await readPages(work, admin, progress)
  await askForUnseen(work, admin, begun)
  await transact(db, async (tx) => {
    const { at } = await drawAnswered(tx)
    const before = (await lockAccounts(tx, [admin.adminId])).get(admin.adminId)
    if (!before) return
    await saveAccounts(tx, [{ before, after: completeScan(before, at.getTime()), readAt: begun.at }], at)
    await finishScan(tx, admin.adminId, users)
  })
}

async function readPages(
  work: ScanAdmin,
  admin: DueScan,
  progress: (users: UsersProgress) => Promise<void>,
): Promise<number> {
  const { db, panel } = work
  let offset = 0
  let newest: string | null = null
  for (;;) {
    work.signal.throwIfAborted()
    const asked = await drawAsked(db)
    const startedAt = work.now()
    const page = await panel.users({ admin: admin.username, offset, limit: pageSize })
    const tookMs = work.now() - startedAt
    await observeUsers(db, asked, page.users)
    // The list is ordered by age and each page begins with the newest user of the page before. One that begins later
    // shows that users were deleted meanwhile and the rest moved up: go back, so that nobody is passed over.
    const first = page.users[0]
    const gap = newest !== null && offset > 0 && (first === undefined || first.createdAt > newest)
    const done = gap ? offset : offset + page.users.length
    await progress({ done, total: Math.max(page.total, done) })
    await work.rest(tookMs, work.signal)
    if (gap) {
      offset = Math.max(0, offset - pageSize / 2)
      continue
    }
    if (page.users.length < pageSize) return done
    newest = page.users.at(-1)?.createdAt ?? null
    offset = done - 1
  }
}

async function askForUnseen(work: ScanAdmin, admin: DueScan, begun: Asked): Promise<void> {
  const { db, panel } = work
  let after = 0n
  for (;;) {
    const unseen = await listUnseen(db, admin.adminId, begun.tick, { after, limit: pageSize })
    for (const { id, username } of unseen) {
      work.signal.throwIfAborted()
      const asked = await drawAsked(db)
      const startedAt = work.now()
      const user = await panel.user(username)
      const tookMs = work.now() - startedAt
      if (user) await observeUsers(db, asked, [user])
      else await observeGone(db, asked, username)
      await work.rest(tookMs, work.signal)
      after = id
    }
    if (unseen.length < pageSize) return
  }
}
