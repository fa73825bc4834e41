import { lockAccounts } from '../../store/accounts/accounts.ts'
import type { Database } from '../../store/connection/database.ts'
import { drawAnswered } from '../../store/connection/logical-clock.ts'
import { transact } from '../../store/connection/transact.ts'
import { listDueLimits } from '../../store/limits/crossings.ts'
import { judgeLimits } from './judge.ts'

const atOnce = 100

/**
 * Closes the periods that have ended and notices what is no longer valid, by the database's clock. Each account has a
 * transaction of its own; what another replica has turned meanwhile is left alone.
 *
 * @param signal ends it between two accounts.
 */
export async function turnDueLimits(db: Database, signal: AbortSignal): Promise<void> {
  for (let after = 0n; ; ) {
    const due = await listDueLimits(db, { after, limit: atOnce })
    for (const adminId of due) {
      if (signal.aborted) return
      await turnIfDue(db, adminId)
      after = adminId
    }
    if (due.length < atOnce) return
  }
}

async function turnIfDue(db: Database, adminId: bigint): Promise<void> {
  await transact(db, async (tx) => {
    const account = (await lockAccounts(tx, [adminId])).get(adminId)
    const { at } = await drawAnswered(tx)
    if (!account || account.judgeTime === null || account.judgeTime > at) return
    await judgeLimits(tx, [{ ...account, totalBefore: account.total }], at)
  })
}
