import { type ErrorCode, isLedgerError, LedgerError } from '../errors.ts'
import { drawAsked } from '../store/clock.ts'
import { type Deletion, findDeletion, finishDeletion } from '../store/deletions.ts'
import { DeletionFailed } from './deletion-failed.ts'
import { finishDeleted, giveUp, isStillThere, withoutOutcome } from './deletion-outcome.ts'
import {
  asCaller,
  type DeleteUsers,
  preserve,
  skipPreserving,
  type UserDeletionRequest,
} from './final-reading.ts'
import { observeGone } from './observe-users.ts'

/** How often the panel is told to delete a user that it says is still there. */
const deletionsAtMost = 3

/**
 * Deletes a user so that no byte is lost: the final reading and the receipt are durable before the panel hears of the
 * deletion; and what became of it is asked of the panel whenever its answer leaves a doubt.
 *
 * @returns the receipt of the user's deletion.
 * @throws `not_found` when the panel has no such user; `conflict` while another call deletes it; `forbidden`; the
 *   panel's errors when the user is still there or nobody can tell, with the receipt saying which.
 */
export async function deleteUser(work: DeleteUsers, request: UserDeletionRequest): Promise<Deletion> {
  try {
    return await preserveAndDelete(work, request)
  } catch (error) {
    throw request.token === null ? error : toCaller(request, error)
  }
}

/** What the panel refuses to the caller's own token is the caller's fault, not the panel's or ours. */
function toCaller(request: UserDeletionRequest, error: unknown): unknown {
  if (isLedgerError(error, 'panel_forbidden')) {
    return renamed(error, 'forbidden', `User ${request.username} belongs to another admin.`)
  }
  if (isLedgerError(error, 'panel_unauthorized')) {
    return renamed(error, 'unauthenticated', 'The panel does not know this token any more; log in again.')
  }
  return error
}

function renamed(error: LedgerError, code: ErrorCode, message: string): LedgerError {
  const options = { cause: error }
  return error instanceof DeletionFailed
    ? new DeletionFailed(error.deletionId, code, message, options)
    : new LedgerError(code, message, options)
}

async function preserveAndDelete(work: DeleteUsers, request: UserDeletionRequest): Promise<Deletion> {
  const known = request.receiptId === null ? null : await findDeletion(work.db, request.receiptId)
  if (known?.finished_at) return known
  const receipt = request.preserveTraffic
    ? await preserve(work, request, known)
    : await skipPreserving(work, request)
  if (receipt === null) {
    // An earlier attempt that was interrupted has deleted it.
    return known?.preserved_at ? finishDeleted(work, known) : refuseGone(work, request)
  }
  return deletePreserved(work, request, receipt).catch((error: unknown) => {
    if (!isLedgerError(error, 'database_unavailable')) throw error
    // What it says of itself, that nothing was stored, is true no more.
    const away = new LedgerError(error.code, 'The ledger database does not answer.', { cause: error })
    throw withoutOutcome(receipt, away)
  })
}

async function deletePreserved(
  work: DeleteUsers,
  request: UserDeletionRequest,
  preserved: Deletion,
): Promise<Deletion> {
  let receipt = preserved
  for (let attempt = 1; ; attempt += 1) {
    const failure = await removeFromPanel(work, request, receipt)
    if (failure === null) return finishDeleted(work, receipt)
    if (attempt === deletionsAtMost) return giveUp(work, receipt, failure)
    if (!request.preserveTraffic) continue
    // It is still there and goes on consuming: the reading taken for the last attempt is no longer its final one.
    const again = await preserve(work, request, receipt)
    if (again === null) return finishDeleted(work, receipt)
    receipt = again
  }
}

/** The panel has no such user: whatever the ledger still held open of that name ends, and the caller hears 404. */
async function refuseGone(
  { db, panel }: DeleteUsers,
  request: UserDeletionRequest,
  receiptId = request.receiptId,
): Promise<never> {
  const asked = await drawAsked(db)
  if ((await panel.user(request.username, asCaller(request))) === null) {
    await observeGone(db, asked, request.username)
  }
  if (receiptId !== null) await finishDeletion(db, receiptId, { state: 'gone' })
  throw new LedgerError(
    'not_found',
    `The panel has no user ${request.username}; what it had consumed is kept.`,
  )
}

/** Sends the deletion. Null: the user is gone. Otherwise why it is still there. */
async function removeFromPanel(
  work: DeleteUsers,
  request: UserDeletionRequest,
  receipt: Deletion,
): Promise<LedgerError | null> {
  try {
    const existed = await work.panel.deleteUser(request.username, asCaller(request))
    if (existed || request.preserveTraffic) return null
    return await refuseGone(work, request, receipt.id)
  } catch (error) {
    if (!isLedgerError(error) || isLedgerError(error, 'not_found', 'database_unavailable')) throw error
    // Refused before anything happened: there is no doubt to be cleared up.
    if (isLedgerError(error, 'panel_forbidden', 'panel_unauthorized', 'invalid_request')) {
      return giveUp(work, receipt, error)
    }
    return (await isStillThere(work, request, receipt, error)) ? error : null
  }
}
