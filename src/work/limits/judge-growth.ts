import type { AccountChange } from '../../store/accounts/accounts.ts'
import type { Tx } from '../../store/connection/database.ts'
import { judgeLimits } from './judge.ts'

/**
 * Judges the limits of accounts that have changed, in the transaction that books their growth. As long as they come to no
 * total and no time at which there is something to judge, nothing is asked of the database.
 *
 * @param at the database's time, under which the growth is booked.
 */
export async function judgeGrowth(tx: Tx, changes: readonly AccountChange[], at: Date): Promise<void> {
  const due = changes.filter((change) => isDue(change, at))
  const accounts = due.map(({ before, after }) => ({
    adminId: after.adminId,
    totalBefore: before.total,
    total: after.total,
    opened: true,
  }))
  await judgeLimits(tx, accounts, at)
}

function isDue({ before, after }: AccountChange, at: Date): boolean {
  if (!after.opened) return false
  if (after.judgeTotal !== null && after.total >= after.judgeTotal) return true
  // What is first seen after the end of a period belongs to the next one, also when nobody has closed the period yet.
  return after.total > before.total && after.judgeTime !== null && after.judgeTime <= at
}
