import { type ErrorCode, isLedgerError, LedgerError } from '../../errors.ts'
import type { DeletionReply } from '../../panel/panel.ts'
import type { Deletion, UserDeletion } from '../../store/deletions/deletion.ts'
import type { SingleDeletion } from '../../store/deletions/unsettled-deletions.ts'
import { DeletionFailed } from './deletion-failed.ts'
import { nameOf, notKnownYet } from './outcome.ts'
import { asCaller, type DeletionDeps, type UserDeletionRequest } from './request.ts'
import { runUserDeletion, type UserEnding } from './user-deletion.ts'

/**
 * Deletes a user, as the service or with the caller's own token.
 *
 * @returns the receipt of the user's deletion.
 * @throws `not_found` when the panel has no such user; `conflict` while another call deletes it, or the panel may still do
 *   so; `forbidden`; the panel's errors when the user was not deleted, or nobody can tell yet; the receipt says which.
 */
export async function deleteUser(deps: DeletionDeps, request: UserDeletionRequest): Promise<UserDeletion> {
  try {
    const ending = await runUserDeletion(deps, request, (receipt) =>
      deps.panel.deleteUser(receipt.username, asCaller(request)),
    )
    return receiptOf(ending, request, deps.graceMs)
  } catch (error) {
    throw request.token === null ? error : toCaller(request, error)
  }
}

/** The receipt of a deletion that has happened; anything else is thrown. */
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
    case 'unlearned':
      throw unlearned(ending.receipt, ending.cause)
    case 'sent':
      if (ending.outcome === 'deleted') return ending.receipt
      throw failureOf(ending.receipt, 'panel_failed', ending.reply.error, graceMs)
  }
}

/**
 * What the receipt says of a deletion that did not happen, or of which nobody knows yet, as an error.
 *
 * @param usual the code of a receipt that has none, and no `error` either.
 */
export function failureOf(
  receipt: Deletion,
  usual: ErrorCode,
  error: LedgerError | null,
  graceMs: number,
): DeletionFailed {
  const code = error?.code ?? usual
  const message = receipt.error?.message ?? error?.message ?? `See /deletions/${receipt.id}.`
  const retryAfter = receipt.state === 'unknown' ? graceMs / 1000 : 5
  return new DeletionFailed(receipt.id, code, message, { retryAfter, cause: error })
}

/** The panel has been asked, and the ledger cannot take down what came of it: the receipt says so later. */
export function unlearned(receipt: SingleDeletion, cause: unknown): unknown {
  if (!isLedgerError(cause)) return cause
  const message = notKnownYet(receipt, nameOf(receipt), 'the ledger database does not answer')
  return new DeletionFailed(receipt.id, cause.code, message, { retryAfter: 5, cause })
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
