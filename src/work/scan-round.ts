import { isLedgerError, type LedgerError } from '../errors.ts'
import { beginRound, finishRound, lastRequest, type RoundProgress, reportRound } from '../store/scan-round.ts'
import {
  countDueScans,
  countScannedUsers,
  type DueScan,
  failScan,
  nextDueScan,
  reportScan,
} from '../store/scans.ts'
import type { ReadUsers, UsersProgress } from './read-users.ts'
import { scanAdmin } from './scan-admin.ts'

export type ScanRoundOptions = {
  intervalSeconds: number
  /** Told after each page of users. */
  onProgress: (progress: RoundProgress & { admin: string }) => void
  /** Told when an admin's scan did not complete. */
  onFailure: (admin: string, error: LedgerError) => void
}

/**
 * Scans the users of every admin whose scan is due, until none is. What is due stands in the database, so a round that
 * is interrupted goes on where it was, on any replica.
 *
 * @throws what made the panel or the database unusable; an answer that is wrong for one admin ends that scan only.
 */
export async function scanDueAdmins(work: ReadUsers, options: ScanRoundOptions): Promise<void> {
  const { db } = work
  const first = await nextDueScan(db, options.intervalSeconds)
  if (!first) return
  await beginRound(db, await countDueScans(db, options.intervalSeconds))
  let request = await lastRequest(db)
  /** Users of each admin that has been read since the last request. */
  const done = new Map<bigint, number>()
  for (let next: DueScan | null = first; next; next = await nextDueScan(db, options.intervalSeconds)) {
    work.signal.throwIfAborted()
    const admin: DueScan = next
    // Who asks meanwhile asks for everybody anew.
    const latest = await lastRequest(db)
    if (latest !== request) done.clear()
    request = latest
    done.delete(admin.adminId)
    const rest = await remaining(work, options.intervalSeconds, admin)
    const doneUsers = sum(done.values())
    const adminsTotal = Math.min(done.size + rest.admins, Math.max(rest.accounts, done.size + 1))
    const report = async (users: UsersProgress): Promise<void> => {
      const progress = {
        adminsDone: done.size,
        adminsTotal,
        usersDone: doneUsers + users.done,
        usersTotal: doneUsers + users.total + Math.max(0, rest.users - users.total),
      }
      await reportScan(db, admin.adminId, users)
      await reportRound(db, progress)
      options.onProgress({ ...progress, admin: admin.username })
    }
    let last: UsersProgress = { done: 0, total: 0 }
    try {
      await scanAdmin(work, admin, async (users) => {
        last = users
        await report(users)
      })
    } catch (error) {
      if (!isLedgerError(error)) throw error
      await failScan(db, admin.adminId, error)
      options.onFailure(admin.username, error)
      if (error.code !== 'panel_bad_answer') throw error
    }
    done.set(admin.adminId, last.done)
    await reportRound(db, {
      adminsDone: done.size,
      adminsTotal,
      usersDone: doneUsers + last.done,
      usersTotal: doneUsers + last.done + Math.max(0, rest.users - last.total),
    })
  }
  await finishRound(db)
}

/** How many admins and users are left, the one about to be scanned included, and how many accounts there are. */
async function remaining(
  { db, panel }: ReadUsers,
  intervalSeconds: number,
  admin: DueScan,
): Promise<{ admins: number; users: number; accounts: number }> {
  const due = await countDueScans(db, intervalSeconds)
  const { accounts } = due
  if (due.unknown === 0) return { admins: due.admins, users: due.users, accounts }
  // Nobody knows yet how many users an admin has that was never scanned; the panel knows how many there are in all.
  const { total } = await panel.users({ offset: 0, limit: 1 })
  const neverScanned = Math.max(0, total - (await countScannedUsers(db)))
  return {
    accounts,
    admins: Math.max(1, due.admins),
    users: Math.max(due.users + neverScanned, Number(admin.usersTotal ?? 0)),
  }
}

function sum(numbers: Iterable<number>): number {
  let all = 0
  for (const number of numbers) all += number
  return all
}
