import type { LedgerError } from '../../errors.ts'
import type { UserService } from '../../panel/panel.ts'
import { type HeldUser, holdAgain, listDueLooks, lookLater } from '../../store/holds/held-users.ts'
import { findHoldOf } from '../../store/holds/holds.ts'
import { countFailures, type HoldingDeps } from './holding.ts'
import { formerOf, isSameUser, lookMs, unreadAs } from './release-users.ts'

/**
 * Looks once more at users that an account gave back a minute ago, whatever holds the account now: they may have been moved. The
 * panel sometimes does not serve a user that was enabled, and a late request may have disabled it.
 *
 * @throws the panel's errors when it cannot be asked at all.
 */
export async function lookAgain(deps: HoldingDeps, adminId: bigint): Promise<void> {
  const failures = countFailures(deps)
  for (const row of await listDueLooks(deps.db, adminId)) {
    deps.signal.throwIfAborted()
    await failures.count(async () => look(deps, row, await deps.panel.userService(row.username)))
  }
}

async function look(
  deps: HoldingDeps,
  row: HeldUser,
  user: UserService | null,
): Promise<'looked' | LedgerError> {
  const { db, panel } = deps
  const isThere = user !== null && isSameUser(row, user)
  const unread = user === null || isThere ? null : await unreadAs(db, row, user)
  if (unread) return unread
  const ownersHold = isThere && user.owner !== null ? await findHoldOf(db, user.owner) : null
  if (ownersHold) {
    // To enable it would undo what that hold does.
    await holdAgain(db, row, ownersHold.adminId)
    return 'looked'
  }
  // A request to disable it came late. Anybody else's wish stays.
  const isDisabledByUs = isThere && row.isUnclear && user.status === 'disabled'
  const wanted = isDisabledByUs ? formerOf(row) : ({ status: 'as it is' } as const)
  if (isThere && (isDisabledByUs || user.status === row.status)) {
    const { verdict, error } = await panel.setService(user, wanted)
    if (error !== null && verdict !== 'missing') return error
  }
  await lookLater(db, row, { afterMs: isDisabledByUs ? lookMs(deps) : null, isUnclear: false })
  return 'looked'
}
