import { completeScan } from '../ledger/account.ts'
import { lockAccounts, saveAccounts } from '../store/accounts.ts'
import { drawAnswered, drawAsked } from '../store/clock.ts'
import { beginScan, type DueScan, finishScan } from '../store/scans.ts'
import { transact } from '../store/transact.ts'
import { forgetUnreadableOf, type UnreadableEntry } from '../store/unreadable-items.ts'
import { readUnseen } from './read-unseen.ts'
import { type ReadUsers, readUsers, type UsersProgress } from './read-users.ts'
import { noteUnreadable, shorten } from './unreadable.ts'

/**
 * Reads all users of one admin from the panel, page by page, asks by name for those known that did not appear, and
 * closes the account's opening balance. Users that cannot be read spoil nothing but the snapshot: what is proven of the
 * account as a whole waits until all can be read. A scan that is interrupted has stored what it read and is begun again.
 *
 * @param progress told after each page.
 */
export async function scanAdmin(
  work: ReadUsers,
  admin: DueScan,
  progress: (users: UsersProgress) => Promise<void>,
): Promise<void> {
  const { db } = work
  const begun = await drawAsked(db)
  await beginScan(db, admin.adminId, admin.panelReading)
  const { adminId, username } = admin
  const failingAt = admin.failingAt?.map(Number) ?? []
  const read = await readUsers(work, { admin: username, adminId, failingAt }, progress)
  const unreadable = read.unreadable + (await readUnseen(work, adminId, begun))
  const nameless = read.unlisted - unreadable + read.unreadable
  if (nameless > 0) await noteUnreadable(work, begun, [unlisted(admin, nameless)])
  const isWhole = unreadable === 0 && read.unlisted === 0
  await transact(db, async (tx) => {
    const before = (await lockAccounts(tx, [admin.adminId])).get(admin.adminId)
    if (!before) return
    // Not before the lock is ours: until then others add to what the users prove.
    const { at } = await drawAnswered(tx)
    await saveAccounts(
      tx,
      [{ before, after: completeScan(before, at.getTime(), isWhole), readAt: begun.at }],
      at,
    )
    await finishScan(tx, adminId, read.done, read.failingAt)
    await forgetUnreadableOf(tx, begun, adminId)
  })
}

/** Users that make the panel fail whenever it lists them, and whose names the ledger has never read. */
function unlisted({ adminId, username }: DueScan, users: number): UnreadableEntry {
  const reason =
    `The panel cannot list ${users} of the users of admin ${shorten(username)}: it answers 500, or too much. Their names are ` +
    'not known here. Mend them in the panel; or a sudo admin who knows a name deletes the user with preserve_traffic=false.'
  return { kind: 'user', name: null, adminId, reason }
}
