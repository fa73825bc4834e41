import { type CompleteScan, completeScan, openAccount } from '../../ledger/account.ts'
import { lockAccounts, readPanelWitness } from '../../store/accounts/accounts.ts'
import { beginScan, type DueScan, finishScan } from '../../store/collecting/scans.ts'
import { forgetUnreadableOf, type UnreadableEntry } from '../../store/collecting/unreadable-items.ts'
import type { Database } from '../../store/connection/database.ts'
import { type Asked, drawAnswered } from '../../store/connection/logical-clock.ts'
import { transact } from '../../store/connection/transact.ts'
import { isEveryoneRead, type ScanSoFar } from '../../store/tenures/seen-tenures.ts'
import { createTenureSet } from '../../store/tenures/tenure-set.ts'
import { changeAccounts } from './change-accounts.ts'
import { readUnseen } from './read-unseen.ts'
import { type Progress, type ReadingDeps, readUsers, type UsersRead } from './read-user-pages.ts'
import { readNamedUsers } from './read-users-by-name.ts'
import { createScanSights } from './scan-sights.ts'
import { noteUnreadable, shorten } from './unreadable-items.ts'

/** How often users are asked for by name whose readings overlapped other observations. */
const roundsAtMost = 5

/**
 * Reads all users of one admin from the panel, page by page, asks by name for known users that did not appear, and closes
 * the account's opening balance.
 *
 * Every user is read by a question asked after the scan began. What the admin's counter had before, and no user shows at the
 * end, is in no user's counter any more. An interrupted scan keeps what it stored and starts again. Users that cannot be
 * read do no harm to the others; only what is proven of the account as a whole waits until all can be read.
 *
 * @param progress see {@link readUsers}; left out: nobody notes it.
 */
export async function scanAdmin(
  deps: ReadingDeps,
  admin: DueScan,
  progress: Progress = () => [],
): Promise<void> {
  const { db } = deps
  // Before the tick is drawn, and so before any question: what the counter says stands in the users' counters already.
  const panelBefore = await readPanelWitness(db, admin.adminId)
  const begun = await drawBegun(db, admin)
  const row = await beginScan(db, admin.adminId, admin.panelReading)
  const { adminId, username } = admin
  // When the last scan was not complete, nobody has stored yet when it saw those users that had not changed.
  const sights = admin.wasComplete ? createScanSights(db, admin, begun) : null
  const scan = { begun: begun.tick, unchanged: sights?.unchanged ?? createTenureSet() }
  const failingAt = admin.failingAt?.map(Number) ?? []
  let unreadable = 0
  const onDropped = async (usernames: string[]) => {
    unreadable += await readNamedUsers(deps, usernames, adminId)
  }
  const read = await readUsers(
    deps,
    { admin: username, adminId, failingAt, onDropped, ...(sights && { newsOf: sights.newsOf }) },
    progress,
  )
  for (let round = 1; ; round += 1) {
    const unseen = unreadable + (await readUnseen(deps, adminId, scan))
    const nameless = read.unlisted - unseen
    if (nameless > 0) await noteUnreadable(deps, begun, [unlisted(admin, nameless)])
    const isWhole = read.unreadable === 0 && read.unlisted === 0 && unseen === 0
    const isLast = !isWhole || round === roundsAtMost
    const seenAt = sights?.seenAt() ?? null
    if (await end(deps, admin, { begun, row, scan, seenAt, panelBefore, read, isWhole, isLast })) return
  }
}

/**
 * Draws the tick at which a scan begins, with the account locked: whoever has changed its users under an earlier tick has
 * committed it. So nobody changes a user unnoticed whom the scan has seen unchanged.
 */
async function drawBegun(db: Database, { adminId }: DueScan): Promise<Asked> {
  return transact(db, async (tx) => {
    await lockAccounts(tx, [adminId])
    return drawAnswered(tx)
  })
}

type ScanEnd = {
  begun: Asked
  /** See {@link beginScan}. */
  row: string
  panelBefore: CompleteScan['panelBefore']
  read: UsersRead
  scan: ScanSoFar
  /** See {@link CompleteScan.seenAt}. */
  seenAt: number | null
  /** Whether all users could be read. */
  isWhole: boolean
  /** Whether the scan is over although not every user was read. */
  isLast: boolean
}

/** Returns false when a user has not been read since the scan began, and must be asked for again. */
async function end(
  { db }: ReadingDeps,
  { adminId }: DueScan,
  { begun, row, scan, seenAt, panelBefore, read, isWhole, isLast }: ScanEnd,
): Promise<boolean> {
  return transact(db, async (tx) => {
    const before = (await lockAccounts(tx, [adminId])).get(adminId)
    if (!before) return true
    // Not before the lock is ours: until then others add to what the users prove, and let users appear.
    const isComplete = isWhole && (await isEveryoneRead(tx, adminId, scan))
    if (!isComplete && !isLast) return false
    const { tick: ended, at } = await drawAnswered(tx)
    const complete = { begun: begun.tick, ended, seenAt, panelBefore, at: at.getTime() }
    const after = isComplete ? completeScan(before, complete) : openAccount(before)
    await changeAccounts(tx, { accounts: [{ before, after, readAt: begun.at }] }, at)
    await finishScan(tx, adminId, row, { users: read.done, isComplete, failingAt: read.failingAt })
    await forgetUnreadableOf(tx, begun, adminId)
    return true
  })
}

/** Users that make the panel fail whenever it lists them, and whose names the ledger has never read. */
function unlisted({ adminId, username }: DueScan, users: number): UnreadableEntry {
  const reason =
    `The panel cannot list ${users} of the users of admin ${shorten(username)}: it answers 500, or too much. Their names are ` +
    'not known here. Mend them in the panel; or a sudo admin who knows a name deletes the user with preserve_traffic=false.'
  return { kind: 'user', name: null, adminId, reason }
}
