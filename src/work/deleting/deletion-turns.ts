import { isLedgerError, type LedgerError } from '../../errors.ts'
import { transact } from '../../store/connection/transact.ts'
import {
  type ClaimedUser,
  claimUser,
  hasUsersLeft,
  noteGoingOn,
  noteWaiting,
  postponeUser,
  releaseAbandonedUsers,
  releaseUser,
} from '../../store/deletions/deletion-places.ts'
import { findDeletion, finishDeletion } from '../../store/deletions/deletions.ts'
import { deleteUser } from './delete-user.ts'
import type { DeletionDeps } from './request.ts'

export type DeletionTurns = DeletionDeps & {
  signal: AbortSignal
  /** Has a bulk deletion looked at after some seconds: its last user has ended, or what it waits for may have passed. */
  lookAgain(bulk: { id: bigint; requestedBy: string }, afterSeconds: number): Promise<void>
}

/** How long a user rests whose deletion is in the way of somebody else's. */
const conflictSeconds = 3

/**
 * Deletes users of bulk deletions, one after the other, whosever turn it is, until none is left that can be deleted now.
 * A failure that concerns one user ends its receipt; one that may concern all lets its bulk deletion rest, and others go on.
 *
 * @param place at which nobody else does so at the same time: what was taken there before is taken up again.
 * @throws `database_unavailable`.
 */
export async function takeTurns(work: DeletionTurns, place: string): Promise<void> {
  await releaseAbandonedUsers(work.db, place)
  while (!work.signal.aborted) {
    const claimed = await transact(work.db, (tx) => claimUser(tx, place))
    if (!claimed) return
    await deleteClaimed(work, claimed)
  }
}

async function deleteClaimed(
  work: DeletionTurns,
  { bulk, id, username, attempts }: ClaimedUser,
): Promise<void> {
  const { db } = work
  const { scope } = bulk
  const caller = { id: bulk.id, requestedBy: bulk.requestedBy }
  try {
    await deleteUser(work, {
      username,
      requestedBy: bulk.requestedBy,
      token: null,
      preserveTraffic: true,
      receiptId: id,
      onlyAdminId: scope.adminId,
      ...(scope.by === 'account' && scope.statuses !== null && { onlyStatuses: scope.statuses }),
    })
  } catch (error) {
    if (!isLedgerError(error) || error.code === 'database_unavailable') throw error
    const seconds = await settleFailure(work, { bulkId: bulk.id, id, attempts }, error)
    if (seconds !== null) return work.lookAgain(caller, seconds)
  }
  await releaseUser(db, id)
  if (bulk.error !== null) await noteGoingOn(db, bulk.id)
  if (!(await hasUsersLeft(db, bulk.id))) await work.lookAgain(caller, 0)
}

/**
 * Ends the receipt of a user whose failure is its own. Otherwise the user is tried again later, and the bulk deletion says
 * why; returns after how many seconds that is. Null: the receipt has ended.
 */
async function settleFailure(
  { db }: DeletionTurns,
  { bulkId, id, attempts }: { bulkId: bigint; id: bigint; attempts: number },
  error: LedgerError,
): Promise<number | null> {
  const receipt = await findDeletion(db, id)
  if (receipt?.finishedAt) return null
  const concernsAll = isLedgerError(
    error,
    'panel_unreachable',
    'panel_timeout',
    'panel_failed',
    'panel_bad_answer',
    'panel_unauthorized',
    'panel_forbidden',
  )
  if (!concernsAll && !isLedgerError(error, 'conflict', 'observation_overlapped')) {
    await finishDeletion(db, { id, kind: 'user' }, { state: 'failed', error })
    return null
  }
  const rest = await noteWaiting(db, { bulkId, userId: id }, error, concernsAll)
  const seconds = Math.max(rest, concernsAll ? 0 : Math.min(60, conflictSeconds * 2 ** Math.min(attempts, 5)))
  await postponeUser(db, id, seconds)
  return seconds
}
