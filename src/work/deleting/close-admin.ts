import { applyEffect } from '../../ledger/account.ts'
import { lockAccounts } from '../../store/accounts/accounts.ts'
import { closeAccount } from '../../store/accounts/admins.ts'
import type { Database } from '../../store/connection/database.ts'
import { type Asked, drawAnswered } from '../../store/connection/logical-clock.ts'
import { transact } from '../../store/connection/transact.ts'
import type { AdminDeletion } from '../../store/deletions/deletion.ts'
import { finishDeletion } from '../../store/deletions/deletions.ts'
import { endHoldOfClosed } from '../../store/holds/holds.ts'
import { endTenuresOf } from '../../store/tenures/tenure-changes.ts'
import { changeAccounts } from '../observing/change-accounts.ts'

/**
 * Closes the account of an admin that the panel has deleted, and ends the receipt. Users that the admin still had stay in
 * the panel without an owner: the account keeps their traffic, and gets no more of it.
 *
 * @param gone a tick from when the admin was already gone.
 */
export async function closeDeletedAdmin(
  db: Database,
  receipt: Pick<AdminDeletion, 'id' | 'kind' | 'adminId'>,
  gone: Asked,
): Promise<AdminDeletion> {
  const { adminId } = receipt
  return transact(db, async (tx) => {
    const answered = await drawAnswered(tx)
    const ticks = { asked: gone.tick, answered: answered.tick }
    const released = await endTenuresOf(tx, adminId, 'transfer', ticks, answered.at)
    const before = (await lockAccounts(tx, [adminId])).get(adminId)
    await closeAccount(tx, adminId, ticks, answered.at)
    const preserved = released.reduce((sum, { counted }) => sum + counted, 0n)
    const effect = {
      counted: 0n,
      appeared: 0n,
      appearances: 0,
      preserved,
      users: new Map<string, number>(),
    }
    const users = released.map(({ status, users: left }) => ({ adminId, status, by: -left }))
    const accounts = before ? [{ before, after: applyEffect(before, effect), readAt: null }] : []
    await changeAccounts(tx, { accounts, users }, answered.at)
    await endHoldOfClosed(tx, adminId, answered.at)
    return finishDeletion(tx, receipt, { state: 'deleted' })
  })
}
