import { type CompleteScan, completeScan, openAccount } from '../ledger/account.ts'
import { lockAccounts, readPanelWitness, saveAccounts } from '../store/accounts.ts'
import { type Asked, drawAnswered, drawAsked } from '../store/clock.ts'
import { beginScan, type DueScan, finishScan } from '../store/scans.ts'
import { isEveryoneRead, listUnseen } from '../store/tenures.ts'
import { transact } from '../store/transact.ts'
import { readNamedUsers } from './read-named.ts'
import { pageSize, type ReadUsers, readUsers, type UsersProgress } from './read-users.ts'

/** How often users are asked for by name whose readings overlapped other observations. */
const roundsAtMost = 5

/**
 * Reads all users of one admin from the panel, page by page, asks by name for those known that did not appear, and closes
 * the account's opening balance. Everybody is read by a question that was asked after the scan had begun: what the admin's
 * counter had counted by then and no user shows by its end, is in no user's counter any more. A scan that is interrupted
 * has stored what it read and is begun again. One that could not read somebody proves nothing beyond its readings.
 *
 * @param progress told after each page.
 */
export async function scanAdmin(
  work: ReadUsers,
  admin: DueScan,
  progress: (users: UsersProgress) => Promise<void>,
): Promise<void> {
  const { db } = work
  // Before the tick is drawn, and so before any question: what the counter says by now stands in the users' counters.
  const panelBefore = await readPanelWitness(db, admin.adminId)
  const begun = await drawAsked(db)
  await beginScan(db, admin.adminId, admin.panelReading)
  const onDropped = (usernames: string[]) => readNamedUsers(work, usernames)
  const users = await readUsers(work, { admin: admin.username, onDropped }, progress)
  for (let round = 1; ; round += 1) {
    await askForUnseen(work, admin, begun)
    if (await end(work, admin, { begun, panelBefore, users, isLast: round === roundsAtMost })) return
  }
}

type ScanEnd = {
  begun: Asked
  panelBefore: CompleteScan['panelBefore']
  users: number
  /** Whether the scan is over although somebody was not read. */
  isLast: boolean
}

/** Returns false when somebody has not been read since the scan began, and is to be asked for again. */
async function end(
  { db }: ReadUsers,
  { adminId }: DueScan,
  { begun, panelBefore, users, isLast }: ScanEnd,
): Promise<boolean> {
  return transact(db, async (tx) => {
    const before = (await lockAccounts(tx, [adminId])).get(adminId)
    if (!before) return true
    // Not before the lock is ours: until then others add to what the users prove, and let users appear.
    const isComplete = await isEveryoneRead(tx, adminId, begun.tick)
    if (!isComplete && !isLast) return false
    const { at } = await drawAnswered(tx)
    const after = isComplete
      ? completeScan(before, { begun: begun.tick, panelBefore, at: at.getTime() })
      : openAccount(before)
    await saveAccounts(tx, [{ before, after, readAt: begun.at }], at)
    await finishScan(tx, adminId, users)
    return true
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
