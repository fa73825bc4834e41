import { type ErrorCode, isLedgerError, type LedgerError } from '../../errors.ts'
import {
  beginRound,
  finishRound,
  lastRequest,
  type RoundProgress,
  reportingRound,
} from '../../store/collecting/scan-round.ts'
import {
  countDueScans,
  countScannedUsers,
  type DueScan,
  failScan,
  nextDueScan,
  reportingScan,
} from '../../store/collecting/scans.ts'
import { listUnreadableUsers } from '../../store/collecting/unreadable-items.ts'
import { carryOut } from '../../store/connection/together.ts'
import type { Progress, ReadingDeps, UsersProgress } from '../observing/read-user-pages.ts'
import { readNamedUsers } from '../observing/read-users-by-name.ts'
import { scanAdmin } from '../observing/scan-admin.ts'

export type ScanRoundOptions = {
  intervalSeconds: number
  /** Called after each page of users. */
  onProgress: (progress: RoundProgress & { admin: string }) => void
  /** Called when all users of an admin were read. */
  onScanned?: (admin: string) => void
  /** Called when an admin's scan fails. */
  onFailure: (admin: string, error: LedgerError) => void
}

/**
 * Scans the users of every admin whose scan is due, until none is. What is due stands in the database, so a round that
 * is interrupted goes on where it was, on any replica.
 *
 * @throws what made the panel or the database unusable; an answer that is wrong for one admin ends that scan only.
 */
export async function scanDueAdmins(deps: ReadingDeps, options: ScanRoundOptions): Promise<void> {
  const { db } = deps
  const first = await nextDueScan(db, options.intervalSeconds)
  if (!first) {
    // One round runs at a time: a service that was killed may have left its own open.
    await finishRound(db)
    return
  }
  const begun = await beginRound(db, await countDueScans(db, options.intervalSeconds))
  try {
    await scanFrom(deps, options, first)
    // Users without an account are in no scan.
    await readNamedUsers(deps, await listUnreadableUsers(db, straysAtOnce, 'no account'))
  } finally {
    // However it ends, nothing of it runs from here on.
    await finishRound(db, begun)
  }
}

/** Unreadable users of no account that are asked for again in one round. */
const straysAtOnce = 20

async function scanFrom(deps: ReadingDeps, options: ScanRoundOptions, first: DueScan): Promise<void> {
  const { db } = deps
  let request = await lastRequest(db)
  /** Users of each admin that has been read since the last request. */
  const done = new Map<bigint, number>()
  for (let next: DueScan | null = first; next; next = await nextDueScan(db, options.intervalSeconds)) {
    deps.signal.throwIfAborted()
    const admin: DueScan = next
    // A new request is for all users once more.
    const latest = await lastRequest(db)
    if (latest !== request) done.clear()
    request = latest
    done.delete(admin.adminId)
    const rest = await remaining(deps, options.intervalSeconds, admin)
    const doneUsers = sum(done.values())
    const adminsTotal = Math.min(done.size + rest.admins, Math.max(rest.accounts, done.size + 1))
    const report: Progress = (users) => {
      const progress = {
        adminsDone: done.size,
        adminsTotal,
        usersDone: doneUsers + users.done,
        usersTotal: doneUsers + users.total + Math.max(0, rest.users - users.total),
      }
      options.onProgress({ ...progress, admin: admin.username })
      // In the order in which a request for all scans locks them.
      return [reportingRound(db, progress, latest), reportingScan(db, admin.adminId, users)]
    }
    let last: UsersProgress = { done: 0, total: 0 }
    try {
      await scanAdmin(deps, admin, (users) => {
        last = users
        return report(users)
      })
      options.onScanned?.(admin.username)
    } catch (error) {
      if (!isLedgerError(error)) throw error
      await failScan(db, admin.adminId, error)
      options.onFailure(admin.username, error)
      if (!ofOneAdmin.has(error.code)) throw error
      // A panel that fails at everything is not asked for every admin in turn.
      if (error.code === 'panel_failed') await deps.panel.account()
    }
    done.set(admin.adminId, last.done)
    const progress = {
      adminsDone: done.size,
      adminsTotal,
      usersDone: doneUsers + last.done,
      usersTotal: doneUsers + last.done + Math.max(0, rest.users - last.total),
    }
    await carryOut(db, reportingRound(db, progress, latest))
  }
}

/** Failures that may concern the users of one admin only: the others are read all the same. */
const ofOneAdmin = new Set<ErrorCode>(['panel_bad_answer', 'panel_failed', 'user_unreadable'])

/** How many admins and users are left, the one about to be scanned included, and how many accounts there are. */
async function remaining(
  { db, panel }: ReadingDeps,
  intervalSeconds: number,
  admin: DueScan,
): Promise<{ admins: number; users: number; accounts: number }> {
  const due = await countDueScans(db, intervalSeconds)
  const { accounts } = due
  if (due.unknown === 0) return { admins: due.admins, users: due.users, accounts }
  // How many users a new admin has is not known before its first scan. The panel knows how many there are in all. This is
  // only an estimate: if the panel fails here, the scans say what is wrong.
  const total = await panel.countUsers({}).catch((error: unknown) => {
    if (!isLedgerError(error)) throw error
    return 0
  })
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
