import { isLedgerError, LedgerError } from '../../errors.ts'
import { findAccount } from '../../store/accounts/queries.ts'
import { drawAsked } from '../../store/connection/logical-clock.ts'
import type { AdminDeletion, BulkDeletion } from '../../store/deletions/deletion.ts'
import { finishDeletion } from '../../store/deletions/deletions.ts'
import { type AdminDeletionDeps, runAdminDeletion } from './admin-deletion.ts'
import { closeDeletedAdmin } from './close-admin.ts'
import { failureOf, unlearned } from './delete-user.ts'
import { settleAdminDeletion } from './settle.ts'

/**
 * Deletes an admin whose users are gone, after a last reading of its counter, and closes its account.
 *
 * @param last whether users that turned up meanwhile end the deletion, instead of being deleted too.
 * @returns whether the deletion has ended; false: the admin has users again.
 * @throws what makes it wait: the panel or the database is away, or the panel may still act.
 */
export async function deleteAdmin(
  deps: AdminDeletionDeps,
  bulk: AdminDeletion,
  last: boolean,
): Promise<boolean> {
  const { db, panel } = deps
  const account = await findAccount(db, bulk.adminId)
  if (!account || account.closedAt) {
    await finishDeletion(db, bulk, { state: 'deleted' })
    return true
  }
  const { id: adminId, username } = account
  const asked = await drawAsked(db)
  // The panel would take another one for it, whose name differs in case alone.
  if (!(await panel.hasAdmin(username))) {
    await closeDeletedAdmin(db, bulk, asked)
    return true
  }
  const total = await panel.countUsers({ admin: username })
  if (total > 0 && !last) return false
  if (total > 0) {
    const message =
      `Admin ${username} was not deleted: it still has ${total} users. They were created meanwhile, or cannot be read; ` +
      'a sudo admin can delete those with preserve_traffic=false.'
    await finishDeletion(db, bulk, { state: 'incomplete', error: { code: 'users_left', message } })
    return true
  }
  return carryOut(deps, { adminId, username, requestedBy: bulk.requestedBy, receipt: bulk })
}

async function carryOut(
  deps: AdminDeletionDeps,
  request: Parameters<typeof runAdminDeletion>[1],
): Promise<boolean> {
  const ending = await runAdminDeletion(deps, request, () => send(deps, request.username))
  if (ending.kind === 'declined') throw ending.error
  if (ending.kind === 'unlearned') throw unlearned(ending.receipt, ending.cause)
  if (ending.receipt.finishedAt) return true
  throw failureOf(ending.receipt, 'conflict', ending.reply.error, deps.graceMs)
}

/** A name that fits into no path is not sent. */
async function send({ panel }: AdminDeletionDeps, username: string) {
  try {
    return await panel.deleteAdmin(username)
  } catch (error) {
    if (!isLedgerError(error, 'invalid_request')) throw error
    const refusal = new LedgerError(
      error.code,
      `Marzban cannot delete an admin of this name. ${error.message}`,
    )
    return { verdict: 'refused', error: refusal } as const
  }
}

/**
 * Finds out, when a deletion is taken up again of which the panel may have heard, whether the admin is gone.
 *
 * @returns whether the deletion has ended.
 * @throws `conflict` while the panel may still act.
 */
export async function finishIfDeleted(deps: AdminDeletionDeps, bulk: BulkDeletion): Promise<boolean> {
  if (bulk.kind !== 'admin' || bulk.preservedAt === null) return false
  const receipt = await settleAdminDeletion(deps, bulk)
  if (receipt.finishedAt) return true
  throw failureOf(receipt, 'conflict', null, deps.graceMs)
}
