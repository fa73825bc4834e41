import { isLedgerError, LedgerError } from '../../errors.ts'
import { findAccount } from '../../store/accounts/queries.ts'
import { drawAsked } from '../../store/connection/logical-clock.ts'
import type { AdminDeletion, BulkDeletion } from '../../store/deletions/deletion.ts'
import { finishDeletion } from '../../store/deletions/deletions.ts'
import { type AdminDeletionDeps, runAdminDeletion } from './admin-deletion.ts'
import { closeDeletedAdmin } from './close-admin.ts'
import { failureOf, notRecorded } from './delete-user.ts'
import { settleAdminDeletion } from './settle.ts'

/**
 * Deletes an admin whose users are gone: reads its counter a last time, and closes its account.
 *
 * @param last true: users that the admin has again end the deletion; false: they are deleted first.
 * @returns whether the deletion has ended; false: the admin has users again.
 * @throws the reason to wait: the panel or the database does not answer, or the panel can still act.
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
  // The panel could delete another admin, with a name that only differs in case.
  if (!(await panel.hasAdmin(username))) {
    await closeDeletedAdmin(db, bulk, asked)
    return true
  }
  const total = await panel.countUsers({ admin: username })
  if (total > 0 && !last) return false
  if (total > 0) {
    const message =
      `Admin ${username} was not deleted: it still has ${total} users. They are new, or cannot be read; ` +
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
  if (ending.kind === 'unrecorded') throw notRecorded(ending.receipt, ending.cause)
  if (ending.receipt.finishedAt) return true
  throw failureOf(ending.receipt, 'conflict', ending.reply.error, deps.graceMs)
}

/** A name that fits into no path is never sent. */
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
 * Finds out whether the admin is gone, when an interrupted deletion goes on.
 *
 * @returns whether the deletion has ended.
 * @throws `conflict` while the panel can still act.
 */
export async function finishIfDeleted(deps: AdminDeletionDeps, bulk: BulkDeletion): Promise<boolean> {
  if (bulk.kind !== 'admin' || bulk.preservedAt === null) return false
  const receipt = await settleAdminDeletion(deps, bulk)
  if (receipt.finishedAt) return true
  const busy = new LedgerError(
    'conflict',
    `The admin is being deleted already: see /deletions/${receipt.id}.`,
  )
  throw failureOf(receipt, busy.code, busy, deps.graceMs)
}
