import DataLoader from 'dataloader'
import { type AccountView, findAccounts } from '../../store/accounts/queries.ts'
import type { Database } from '../../store/connection/database.ts'

/** Reads one account, open or closed, as it is now; null when no account has the id. */
export type ReadAccount = (adminId: bigint) => Promise<AccountView | null>

/** A statement must stay short, also when thousands ask at once. */
const mostAccounts = 100

/**
 * Reads accounts for callers: what is asked at the same moment shares one statement. An account is always read after it was
 * asked for, and nothing is kept.
 */
export function createAccountReader(db: Database): ReadAccount {
  const loader = new DataLoader(
    async (ids: readonly bigint[]) => {
      const found = await findAccounts(db, [...new Set(ids)])
      const byId = new Map(found.map((account) => [account.id, account]))
      return ids.map((id) => byId.get(id) ?? null)
    },
    // Once all requests that have arrived are looked at.
    { cache: false, maxBatchSize: mostAccounts, batchScheduleFn: (dispatch) => setImmediate(dispatch) },
  )
  return (adminId) => loader.load(adminId)
}
