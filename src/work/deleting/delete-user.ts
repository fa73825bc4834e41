import { type ErrorCode, isLedgerError, LedgerError } from '../../errors.ts'
import type { DeletionReply } from '../../panel/panel.ts'
import type { UserDeletion } from '../../store/deletions/deletion.ts'
import type { SingleDeletion } from '../../store/deletions/unsettled-deletions.ts'
import { nameOf, notKnownYet } from './outcome.ts'
import { asCaller, type DeletionDeps, type UserDeletionRequest } from './request.ts'
import { runUserDeletion, type UserEnding } from './user-deletion.ts'

/**
 * Deletes a user.
 *
 * @returns the receipt of the user's deletion.
 * @throws `not_found` when the panel has no such user; `conflict` while another call deletes it, or the panel can still do
 *   so; `forbidden`; the panel's errors when the user was not deleted or the outcome is unknown; the receipt says which.
 */
export async function deleteUser(deps: DeletionDeps, request: UserDeletionRequest): Promise<UserDeletion> {
  try {
    const ending = await runUserDeletion(deps, request, (receipt) =>
      deps.panel.deleteUser(receipt.username, asCaller(request)),
    )
    return receiptOf(ending, request, deps.graceMs)
  } catch (error) {
    throw request.caller.token === null ? error : toCaller(request, error)
  }
}

/** The receipt of a deletion that has happened; every other ending is thrown. */
function receiptOf(
  ending: UserEnding<DeletionReply>,
  { username }: UserDeletionRequest,
  graceMs: number,
): UserDeletion {
  switch (ending.kind) {
    case 'ended':
      return ending.receipt
    case 'absent':
      throw new LedgerError('not_found', `The panel has no user ${username}; what it had consumed is kept.`)
    case 'declined':
      throw ending.error
    case 'waiting':
      throw failureOf(ending.receipt, 'conflict', null, graceMs)
    case 'unrecorded':
      throw notRecorded(ending.receipt, ending.cause)
    case 'sent':
      if (ending.outcome === 'deleted') return ending.receipt
      throw failureOf(ending.receipt, 'panel_failed', ending.reply.error, graceMs)
  }
}

/**
 * The error of a deletion that did not happen or whose outcome is unknown, in the words of its receipt.
 *
 * @param usual the code when there is no `error`.
 */
export function failureOf(
  receipt: SingleDeletion,
  usual: ErrorCode,
  error: LedgerError | null,
  graceMs: number,
): LedgerError {
  const code = error?.code ?? usual
  const message = receipt.error?.message ?? error?.message ?? `See /deletions/${receipt.id}.`
  const retryAfter = receipt.state === 'unknown' ? graceMs / 1000 : 5
  return new LedgerError(code, message, { retryAfter, deletionId: receipt.id, cause: error })
}

/** The error of a deletion that was sent, but whose outcome could not be stored. The receipt will have it later. */
export function notRecorded(receipt: SingleDeletion, cause: unknown): unknown {
  if (!isLedgerError(cause)) return cause
  const message = notKnownYet(receipt, nameOf(receipt), 'the ledger database does not answer')
  return new LedgerError(cause.code, message, { retryAfter: 5, deletionId: receipt.id, cause })
}

/** When the panel refuses the caller's own token, the fault is the caller's. */
function toCaller(request: UserDeletionRequest, error: unknown): unknown {
  if (isLedgerError(error, 'panel_forbidden')) {
    return renamed(error, 'forbidden', `User ${request.username} belongs to another admin.`)
  }
  if (isLedgerError(error, 'panel_unauthorized')) {
    return renamed(error, 'unauthenticated', 'The panel no longer knows this token; log in again.')
  }
  return error
}

function renamed(error: LedgerError, code: ErrorCode, message: string): LedgerError {
  return new LedgerError(code, message, { deletionId: error.deletionId, cause: error })
}
