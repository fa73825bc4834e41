import type { Suspicion } from '../../ledger/suspicion.ts'
import type { AccountChange } from '../../store/accounts/accounts.ts'
import { addUsers, saveAccounts, type UsersDelta } from '../../store/accounts/save-accounts.ts'
import type { Tx } from '../../store/connection/database.ts'
import { recordSuspicions } from '../../store/outbox/events.ts'
import { judgeGrowth } from '../limits/judge-growth.ts'

export type AccountsChange = {
  /** Each account before and after. The transaction has locked it. */
  accounts: readonly AccountChange[]
  /** How the numbers of users of these accounts change; left out: they stay. */
  users?: readonly UsersDelta[]
  /** What looks wrong about the new bytes; left out: nothing. */
  suspicions?: readonly Suspicion[]
}

/**
 * Stores changed accounts. Every change of an account comes through here, so that what follows from a change is written in
 * its transaction.
 *
 * @param at the database's time, under which the growth is booked.
 */
export async function changeAccounts(
  tx: Tx,
  { accounts, users = [], suspicions = [] }: AccountsChange,
  at: Date,
): Promise<void> {
  await saveAccounts(tx, accounts, at)
  await addUsers(tx, users)
  await recordSuspicions(tx, suspicions)
  await judgeGrowth(tx, accounts, at)
}
