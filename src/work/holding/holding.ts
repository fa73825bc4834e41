import { isLedgerError, type LedgerError } from '../../errors.ts'
import type { PanelClient, UserService } from '../../panel/panel.ts'
import type { Database } from '../../store/connection/database.ts'
import type { FormerService } from '../../store/holds/held-users.ts'
import { listHolds } from '../../store/holds/holds.ts'
import { countTimeouts } from '../observing/count-timeouts.ts'

export type HoldingDeps = {
  db: Database
  panel: Pick<PanelClient, 'users' | 'countUsers' | 'userService' | 'setService' | 'repairUser'>
  /** Milliseconds for which the panel can still act on a request that it has not answered. */
  graceMs: number
  /** Ends the work between two users. */
  signal: AbortSignal
}

/** Whether the panel lets the user connect. One that waits for its first connection can. */
export function isServed(user: UserService): user is UserService & { status: FormerService['status'] } {
  return user.status === 'active' || user.status === 'on_hold'
}

/** Whether the next users would fail too. */
function isOfAll(error: LedgerError): boolean {
  return isLedgerError(error, 'panel_unreachable', 'panel_unauthorized', 'database_unavailable')
}

/** After so many failures one after the other, the panel is asked whether they are the users' fault. */
const failuresInARow = 20

/** Counts users at which the work fails. The others do not suffer from them, unless the panel fails as a whole. */
export type Failures = {
  total(): number
  /**
   * Does something for one user. A failure of the user is counted, and the result is null.
   *
   * @throws what the panel fails with as a whole.
   */
  count<Result>(act: () => Promise<Result | LedgerError>): Promise<Result | null>
}

export function countFailures({ panel }: Pick<HoldingDeps, 'panel'>): Failures {
  let total = 0
  let inARow = 0
  const isSilent = countTimeouts()
  const fail = async (error: LedgerError): Promise<null> => {
    total += 1
    inARow += 1
    if (isSilent(error) || isOfAll(error)) throw error
    // A panel that answers goes on to the next user: an admin may have many that it cannot change.
    if (inARow % failuresInARow === 0) await panel.countUsers({})
    return null
  }
  return {
    total: () => total,
    async count<Result>(act: () => Promise<Result | LedgerError>) {
      const result = await act().catch((error: unknown) => {
        if (isLedgerError(error)) return error
        throw error
      })
      if (isLedgerError(result)) return fail(result)
      inARow = 0
      return result
    },
  }
}

/** The accounts that are held, or give users back. */
export const heldAccounts: (db: Database) => Promise<bigint[]> = listHolds
