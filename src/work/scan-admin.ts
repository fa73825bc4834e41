import { completeScan } from '../ledger/account.ts'
import { lockAccounts, saveAccounts } from '../store/accounts.ts'
import { type Asked, drawAnswered, drawAsked } from '../store/clock.ts'
import { beginScan, type DueScan, finishScan } from '../store/scans.ts'
import { listUnseen } from '../store/tenures.ts'
import { transact } from '../store/transact.ts'
import { readNamedUsers } from './read-named.ts'
import { pageSize, type ReadUsers, readUsers, type UsersProgress } from './read-users.ts'

/**
 * Reads all users of one admin from the panel, page by page, asks by name for those known that did not appear, and
 * closes the account's opening balance. A scan that is interrupted has stored what it read and is begun again.
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
  const users = await readUsers(work, { admin: admin.username }, progress)
  await askForUnseen(work, admin, begun)
  await transact(db, async (tx) => {
    const before = (await lockAccounts(tx, [admin.adminId])).get(admin.adminId)
    if (!before) return
    // Not before the lock is ours: until then others add to what the users prove.
    const { at } = await drawAnswered(tx)
    await saveAccounts(tx, [{ before, after: completeScan(before, at.getTime()), readAt: begun.at }], at)
    await finishScan(tx, admin.adminId, users)
  })
}

async function askForUnseen(work: ReadUsers, admin: DueScan, begun: Asked): Promise<void> {
  const { db } = work
  let after = 0n
  for (;;) {
    const unseen = await listUnseen(db, admin.adminId, begun.tick, { after, limit: pageSize })
    await readNamedUsers(
      work,
      unseen.map(({ username }) => username),
    )
    const last = unseen.at(-1)
    if (!last || unseen.length < pageSize) return
    after = last.id
  }
}
