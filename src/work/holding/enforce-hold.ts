import { findHold } from '../../store/holds/holds.ts'
import { holdUsers } from './hold-users.ts'
import type { HoldingDeps } from './holding.ts'
import { lookAgain } from './look-again.ts'
import { releaseUsers } from './release-users.ts'

/**
 * Does for one account what its hold asks for: disables its users, or gives them back. It changes nothing where all is as it
 * should be, so it can be called at any time.
 *
 * @throws the panel's errors; `database_unavailable`; `AbortError` when `deps.signal` is aborted.
 */
export async function enforceHold(deps: HoldingDeps, adminId: bigint): Promise<void> {
  const hold = await findHold(deps.db, adminId)
  if (!hold) return
  await lookAgain(deps, adminId)
  await (hold.reasons.length > 0 ? holdUsers(deps, hold) : releaseUsers(deps, hold))
}
