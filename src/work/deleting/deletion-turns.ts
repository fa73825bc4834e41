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
import { type Caller, operator } from '../callers/caller.ts'
import { deleteUser } from './delete-user.ts'
import type { DeletionDeps } from './request.ts'

export type TurnDeps = DeletionDeps & {
  signal: AbortSignal
  /** Advances a bulk deletion after some seconds: its last user has ended, or its reason to wait may be over. */
  lookAgain(bulk: { id: bigint; requestedBy: string }, afterSeconds: number): Promise<void>
}

/** How long a user waits while another deletion of it is under way. */
const conflictSeconds = 3

/**
 * Deletes users of bulk deletions, one after the other, in the order of turns, until none is left that can be deleted now.
 * A failure of one user ends its receipt. After a failure that can concern all users, the bulk deletion waits, and others go
 * on.
 *
 * @param place only one worker has this place. A user that was taken there before is released first.
 * @throws `database_unavailable`.
 */
export async function takeTurns(work: TurnDeps, place: string): Promise<void> {
  await releaseAbandonedUsers(work.db, place)
  while (!work.signal.aborted) {
    const claimed = await transact(work.db, (tx) => claimUser(tx, place))
    if (!claimed) return
    await deleteClaimed(work, claimed)
  }
}

async function deleteClaimed(work: TurnDeps, { bulk, id, username, attempts }: ClaimedUser): Promise<void> {
  const { db } = work
  const { scope } = bulk
  const waiting = { id: bulk.id, requestedBy: bulk.requestedBy }
  try {
    await deleteUser(work, {
      username,
      caller: actorOf(bulk),
      preserveTraffic: true,
      receiptId: id,
      ...(scope.by === 'account' && scope.statuses !== null && { onlyStatuses: scope.statuses }),
    })
  } catch (error) {
    if (!isLedgerError(error) || error.code === 'database_unavailable') throw error
    const seconds = await settleFailure(work, { bulkId: bulk.id, id, attempts }, error)
    if (seconds !== null) return work.lookAgain(waiting, seconds)
  }
  await releaseUser(db, id)
  if (bulk.error !== null) await noteGoingOn(db, bulk.id)
  if (!(await hasUsersLeft(db, bulk.id))) await work.lookAgain(waiting, 0)
}

/**
 * The rights of a bulk deletion, as its admission fixed them: the users of one account, or any user. Its caller can be
 * away, so it has no token.
 */
function actorOf({ scope, requestedBy }: ClaimedUser['bulk']): Caller {
  if (scope.adminId === null) return operator
  return { kind: 'admin', name: requestedBy, isSudo: false, adminId: scope.adminId, token: null }
}

/**
 * Ends the receipt of a user whose failure is its own. Otherwise the user is tried again later, and the bulk deletion says
 * why.
 *
 * @returns the seconds until then; null: the receipt has ended.
 */
async function settleFailure(
  { db }: TurnDeps,
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
