import { isLedgerError, LedgerError } from '../../errors.ts'
import { isSameCreation } from '../../ledger/user-identity.ts'
import type { UserService } from '../../panel/panel.ts'
import {
  endHeld,
  type FormerService,
  type HeldUser,
  listNotHeld,
  listUnsettled,
  lookLater,
  noteFailure,
  noteHeld,
  planHeld,
} from '../../store/holds/held-users.ts'
import { type Hold, noteRemaining } from '../../store/holds/holds.ts'
import { pageSize } from '../observing/page-size.ts'
import { announce } from './announce.ts'
import { countFailures, type Failures, type HoldingDeps, isServed } from './holding.ts'
import { listServed } from './list-served.ts'
import { releaseUser } from './release-users.ts'

/** What became of one user. `lifted`: its account is not held any more. An error: it has to be tried again. */
type Outcome = 'disabled' | 'left alone' | 'lifted' | LedgerError

/**
 * Disables all users of a held account that the panel serves, one after the other. A user that is disabled already stays as it
 * is. It can be repeated at any time: after a crash it goes on, and it finds those that somebody has enabled again.
 *
 * @throws the panel's errors when it cannot be asked at all.
 */
export async function holdUsers(deps: HoldingDeps, hold: Hold): Promise<void> {
  const { db, signal } = deps
  const failures = countFailures(deps)
  for (const row of await listUnsettled(db, hold.adminId)) {
    signal.throwIfAborted()
    if ((await failures.count(() => settleRow(deps, hold, row))) === 'lifted') return
  }
  let unlisted = 0
  for (const status of ['active', 'on_hold'] as const) {
    const served = await listServed(deps, hold.username, status)
    unlisted += served.unlisted
    let left = served.usernames.length
    await noteRemaining(db, hold.adminId, left)
    for (const username of served.usernames) {
      signal.throwIfAborted()
      const outcome = await failures.count(() => holdUser(deps, hold, username))
      if (outcome === 'lifted') return
      left -= 1
      if (outcome === 'left alone') await noteRemaining(db, hold.adminId, left)
    }
  }
  if (unlisted > 0) {
    const found = await holdUnlisted(deps, hold, { unlisted, failures })
    if (found === 'lifted') return
    unlisted = Math.max(0, unlisted - found)
  }
  await noteRemaining(db, hold.adminId, unlisted)
  await announce(db, hold, failures.total() + unlisted)
}

/** A user that is planned, or that was moved to another admin. */
async function settleRow(deps: HoldingDeps, hold: Hold, row: HeldUser): Promise<Outcome> {
  const user = await deps.panel.userService(row.username)
  if (user && isSameCreation(row.createdAt, user.createdAt) && user.owner === hold.username) {
    if (isServed(user)) return disable(deps, hold, user)
    // A user that the panel has limited stays planned: a late request of ours can still disable it.
    if (user.status === 'disabled') await noteHeld(deps.db, row)
    return 'left alone'
  }
  const released = await releaseUser(deps, row, user)
  return released instanceof LedgerError ? released : 'left alone'
}

async function holdUser(deps: HoldingDeps, hold: Hold, username: string): Promise<Outcome> {
  const user = await deps.panel.userService(username)
  if (!user || user.owner !== hold.username || !isServed(user)) return 'left alone'
  return disable(deps, hold, user)
}

/**
 * Looks for users that make the panel fail when it lists them, and that it serves all the same: the ledger knows their names, if it
 * has ever read them. A user that the panel cannot show is repaired first.
 *
 * @param unlisted how many to look for.
 * @returns how many were found.
 */
async function holdUnlisted(
  deps: HoldingDeps,
  hold: Hold,
  { unlisted, failures }: { unlisted: number; failures: Failures },
): Promise<number | 'lifted'> {
  const names: string[] = []
  for (let offset = 0; ; offset += pageSize) {
    const page = await listNotHeld(deps.db, { adminId: hold.adminId, offset, limit: pageSize })
    names.push(...page)
    if (page.length < pageSize) break
  }
  let found = 0
  for (const username of names) {
    if (found >= unlisted) break
    deps.signal.throwIfAborted()
    const outcome = await failures.count(() => repairAndHold(deps, hold, username))
    if (outcome === 'lifted') return outcome
    if (outcome === 'disabled') found += 1
  }
  return found
}

async function repairAndHold(deps: HoldingDeps, hold: Hold, username: string): Promise<Outcome> {
  try {
    return await holdUser(deps, hold, username)
  } catch (error) {
    if (!isLedgerError(error, 'user_unreadable')) throw error
    const { verdict, error: failure } = await deps.panel.repairUser(username)
    return failure && verdict !== 'missing' ? failure : holdUser(deps, hold, username)
  }
}

async function disable(
  { db, panel }: HoldingDeps,
  hold: Hold,
  user: UserService & { status: FormerService['status'] },
): Promise<Outcome> {
  const row = await planHeld(db, hold.adminId, user)
  if (!row) return 'lifted'
  const { verdict, error } = await panel.setService(user, { status: 'disabled' })
  if (verdict === 'missing') {
    await endHeld(db, row, 'gone')
    return 'left alone'
  }
  if (verdict !== 'done') {
    const failure = error ?? new LedgerError('panel_bad_answer', 'The panel did not disable the user.')
    await noteFailure(db, row, failure)
    return failure
  }
  // The account was released while the panel worked: the user gets its service back.
  if (!(await noteHeld(db, row))) await lookLater(db, row, { afterMs: 0, isUnclear: true })
  return 'disabled'
}
