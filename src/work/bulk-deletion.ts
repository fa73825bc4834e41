import { isLedgerError, LedgerError } from '../errors.ts'
import { findAccount } from '../store/account-list.ts'
import {
  addUsersOfAccount,
  cancelPendingChildren,
  countChildren,
  isCancelRequested,
  listInterruptedChildren,
  listPendingChildren,
} from '../store/bulk-deletions.ts'
import { beginDeletion, type Deletion, findDeletion, finishDeletion } from '../store/deletions.ts'
import type { AdminDeletionDeps } from './deleting/admin-deletion.ts'
import { deleteAdmin, finishIfDeleted } from './deleting/delete-admin.ts'
import { deleteUser } from './deleting/delete-user.ts'
import { settleUserDeletion } from './deleting/settle.ts'
import { scanAdmin } from './scan-admin.ts'

export type BulkDeletion = AdminDeletionDeps & { now: () => number; signal: AbortSignal }

/** Deletions sent to the panel at the same time: it works on one core, and serves others too. */
const atATime = 4
const pageSize = 100
/** How often an admin is looked at again for users that were created while its users were being deleted. */
const roundsAtMost = 10

/**
 * Carries out a bulk deletion from wherever it stands. Each user's receipt says what became of it; a user that cannot be
 * deleted does not stop the others, and keeps its admin from being deleted.
 *
 * @throws what makes going on useless for now (panel or database away): call again later.
 */
export async function runBulkDeletion(work: BulkDeletion, id: bigint): Promise<void> {
  const { db } = work
  const found = await findDeletion(db, id)
  if (!found || found.finished_at) return
  const bulk = await beginDeletion(db, id, null)
  if (await finishIfDeleted(work, bulk)) return
  for (let round = 1; ; round += 1) {
    if (bulk.admin_id !== null && !(await isCancelRequested(db, id))) await collect(work, bulk)
    await deletePending(work, bulk)
    if (work.signal.aborted) return
    const isCancelled = await isCancelRequested(db, id)
    if (isCancelled) await leaveRest(work, id)
    const counts = await countChildren(db, id)
    if (counts.requested || counts.preserved || counts.unknown) {
      throw new LedgerError(
        'conflict',
        'Some users are being deleted by others, or the panel may still delete them; the rest waits for them.',
      )
    }
    if (isCancelled) {
      await finishDeletion(db, id, { state: 'cancelled' })
      return
    }
    if (counts.failed) {
      const message = `${counts.failed} users could not be deleted; their receipts say why.`
      await finishDeletion(db, id, { state: 'incomplete', error: { code: 'users_left', message } })
      return
    }
    if (bulk.kind !== 'admin') {
      await finishDeletion(db, id, { state: 'deleted' })
      return
    }
    const ended = await deleteAdmin(work, bulk, round === roundsAtMost)
    if (ended) return
  }
}

/** Reads the account's users, so that every one of them is known and gets a receipt. */
async function collect(work: BulkDeletion, bulk: Deletion): Promise<void> {
  const account = bulk.admin_id === null ? null : await findAccount(work.db, bulk.admin_id)
  if (!account || account.closedAt) return
  const scan = { ...work, rest: async () => {} }
  const due = { adminId: account.id, username: account.username, panelReading: null, usersTotal: null }
  await scanAdmin(scan, due, async () => {})
  await addUsersOfAccount(work.db, bulk)
}

/** Ends the receipts of a cancelled deletion: of users that were under way, only the panel knows what became of them. */
async function leaveRest(work: BulkDeletion, id: bigint): Promise<void> {
  for (const child of await listInterruptedChildren(work.db, id)) await settleUserDeletion(work, child)
  await cancelPendingChildren(work.db, id)
}

async function deletePending(work: BulkDeletion, bulk: Deletion): Promise<void> {
  let after = 0n
  for (;;) {
    const page = await listPendingChildren(work.db, bulk.id, { after, limit: pageSize })
    const queue = page.values()
    const ended = await Promise.allSettled(
      Array.from({ length: atATime }, () => deleteFrom(work, bulk, queue)),
    )
    // Not before all have ended: who takes the deletion up again must not meet them.
    for (const result of ended) if (result.status === 'rejected') throw result.reason
    after = page.at(-1)?.id ?? after
    if (page.length < pageSize || work.signal.aborted) return
  }
}

async function deleteFrom(
  work: BulkDeletion,
  bulk: Deletion,
  queue: Iterator<{ id: bigint; username: string }, unknown>,
): Promise<void> {
  for (;;) {
    if (work.signal.aborted || (await isCancelRequested(work.db, bulk.id))) return
    const next = queue.next()
    if (next.done) return
    await deleteOne(work, bulk, next.value)
  }
}

async function deleteOne(
  work: BulkDeletion,
  bulk: Deletion,
  child: { id: bigint; username: string },
): Promise<void> {
  try {
    await deleteUser(work, {
      username: child.username,
      requestedBy: bulk.requested_by,
      token: null,
      preserveTraffic: true,
      receiptId: child.id,
      onlyAdminId: bulk.admin_id ?? bulk.only_admin_id,
      ...(bulk.only_status !== null && { onlyStatuses: [bulk.only_status] }),
    })
  } catch (error) {
    if (!isLedgerError(error)) throw error
    await settleFailure(work, child.id, error)
  }
}

/** A failure that the receipt does not tell yet concerns this user alone, or everybody: then the whole has to wait. */
async function settleFailure({ db }: BulkDeletion, childId: bigint, error: LedgerError): Promise<void> {
  if (error.code === 'database_unavailable') throw error
  const child = await findDeletion(db, childId)
  if (child?.finished_at || child?.state === 'unknown') return
  // The panel may still delete it for somebody else: it waits for that.
  if (error.code === 'conflict') return
  if (isLedgerError(error, 'panel_unreachable', 'panel_timeout', 'panel_failed', 'panel_unauthorized'))
    throw error
  await finishDeletion(db, childId, { state: 'failed', error })
}
