import { LedgerError } from '../../errors.ts'
import { isSameCreation } from '../../ledger/user-identity.ts'
import type { UserService, WantedService } from '../../panel/panel.ts'
import type { Database } from '../../store/connection/database.ts'
import {
  endHeld,
  type FormerService,
  type HeldUser,
  listHeld,
  moveHeld,
  noteFailure,
} from '../../store/holds/held-users.ts'
import { findHoldOf, type Hold, removeFinishedHold } from '../../store/holds/holds.ts'
import { listTenuresOf } from '../../store/tenures/tenures.ts'
import { requestObservation } from '../observing/request-observation.ts'
import { announce } from './announce.ts'
import { countFailures, type HoldingDeps } from './holding.ts'

/** Milliseconds after which a user that was enabled is looked at once more: the panel sometimes does not serve it. */
const usualLookMs = 60_000
const atOnce = 100

/** What became of a held user; `held again`: its account is held. An error: it has to be tried again. */
type Outcome = 'ended' | 'held again' | LedgerError

/**
 * Gives the users of an account that is not held any more their former service back, one after the other. It can be repeated at
 * any time.
 *
 * @throws the panel's errors when it cannot be asked at all.
 */
export async function releaseUsers(deps: HoldingDeps, hold: Hold): Promise<void> {
  const { db, panel, signal } = deps
  const { adminId } = hold
  const failures = countFailures(deps)
  for (let after = 0n; ; ) {
    const rows = await listHeld(db, { adminId, after, limit: atOnce })
    for (const row of rows) {
      signal.throwIfAborted()
      after = row.id
      const outcome = await failures.count(async () =>
        releaseUser(deps, row, await panel.userService(row.username)),
      )
      if (outcome === 'held again') return
    }
    if (rows.length < atOnce) break
  }
  await announce(db, hold, failures.total())
  await removeFinishedHold(db, adminId, lookMs(deps))
}

/**
 * Gives one user its former service back, if it is still disabled.
 *
 * @param user as the panel has just shown it; null: the panel does not have it.
 */
export async function releaseUser(
  deps: HoldingDeps,
  row: HeldUser,
  user: UserService | null,
): Promise<Outcome> {
  const { db, panel } = deps
  if (!user) {
    await endHeld(db, row, 'gone')
    return 'ended'
  }
  if (!isSameUser(row, user)) return endIfGone(deps, row, user)
  const ownersHold = user.owner === null ? null : await findHoldOf(db, user.owner)
  if (ownersHold) {
    if (ownersHold.adminId === row.adminId) return 'held again'
    // Another account's hold goes on with it.
    await moveHeld(db, row, ownersHold.adminId)
    return 'ended'
  }
  if (user.status !== 'disabled') {
    await endHeld(db, row, 'restored', lookMs(deps))
    return 'ended'
  }
  const { verdict, error } = await panel.setService(user, formerOf(row))
  if (verdict === 'missing') await endHeld(db, row, 'gone')
  else if (verdict === 'done') await endHeld(db, row, 'restored', lookMs(deps))
  else {
    const failure = error ?? new LedgerError('panel_bad_answer', 'The panel did not enable the user.')
    await noteFailure(db, row, failure)
    return failure
  }
  return 'ended'
}

/** The held user is gone, unless the ledger has yet to read the user that the panel shows. */
async function endIfGone({ db }: HoldingDeps, row: HeldUser, user: UserService): Promise<Outcome> {
  const unread = await unreadAs(db, row, user)
  if (unread) {
    await noteFailure(db, row, unread)
    return unread
  }
  await endHeld(db, row, 'gone')
  return 'ended'
}

/**
 * The panel shows another time of creation: the held user is gone and another one has its name, or somebody has changed its date.
 * Only the ledger can tell, once it has read this user: a held user follows a changed date then (see `followHeld`).
 *
 * @returns why nobody can tell yet; null: the user was read, and is another one.
 */
export async function unreadAs(
  db: Database,
  { username }: HeldUser,
  user: UserService,
): Promise<LedgerError | null> {
  const known = await listTenuresOf(db, username)
  const isRead = known.some(
    ({ endedBy, createdAt }) => endedBy === null && isSameCreation(createdAt, user.createdAt),
  )
  if (isRead) return null
  await requestObservation(db, [username])
  return new LedgerError(
    'observation_overlapped',
    `The panel shows another time of creation of ${username}: the user is read first, to tell whether it is another one.`,
  )
}

/** Milliseconds after which a user that was given back is looked at once more. */
export function lookMs({ graceMs }: HoldingDeps): number {
  return Math.max(usualLookMs, graceMs)
}

/** Whether the panel shows the user that was held, and not another one of its name. */
export function isSameUser(row: HeldUser, user: UserService): boolean {
  return isSameCreation(row.createdAt, user.createdAt)
}

/** What gives a user its former service back. */
export function formerOf({ status, onHoldDuration, onHoldTimeout }: FormerService): WantedService {
  return status === 'on_hold' ? { status, onHoldDuration, onHoldTimeout } : { status }
}
