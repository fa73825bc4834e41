import { isLedgerError, type LedgerError } from '../errors.ts'
import { isSameCreation } from '../ledger/user-identity.ts'
import { drawAsked } from '../store/clock.ts'
import { type Deletion, finishDeletion, updateDeletion } from '../store/deletions.ts'
import { transact } from '../store/transact.ts'
import { DeletionFailed } from './deletion-failed.ts'
import { asCaller, type DeleteUsers, type UserDeletionRequest } from './final-reading.ts'
import { endTenuresIn, observeUsers } from './observe-users.ts'

/** After an error nobody knows whether the panel acted: it is asked, on a connection that the error has not broken. */
export async function isStillThere(
  work: DeleteUsers,
  request: UserDeletionRequest,
  receipt: Deletion,
  error: LedgerError,
): Promise<boolean> {
  const { db, panel } = work
  try {
    const asked = await drawAsked(db)
    const user = await panel.user(request.username, { ...asCaller(request), freshConnection: true })
    // Another user of that name shows as well that this one is gone.
    if (!user || (receipt.created_at !== null && !isSameCreation(receipt.created_at, user.createdAt)))
      return false
    await observeUsers(db, asked, [user])
    return true
  } catch (failure) {
    if (!isLedgerError(failure)) throw failure
    const unknown = withoutOutcome(receipt, error, failure)
    await updateDeletion(db, receipt.id, { error_code: error.code, error: unknown.message, worker: null })
    throw unknown
  }
}

/** Ends the user's tenure and its receipt, when the panel has deleted it. */
export async function finishDeleted({ db }: DeleteUsers, receipt: Deletion): Promise<Deletion> {
  // Drawn after the panel's answer: whoever read the user before this tick read it before it was gone.
  const gone = await drawAsked(db)
  return transact(db, async (tx) => {
    const user = {
      username: receipt.username ?? '',
      ...(receipt.created_at === null ? {} : { createdAt: receipt.created_at }),
    }
    await endTenuresIn(tx, gone, user, 'service')
    return finishDeletion(tx, receipt.id, { state: 'deleted' })
  })
}

/** Ends the receipt of a user that is still there, and says why. Throws `DeletionFailed`. */
export async function giveUp({ db }: DeleteUsers, receipt: Deletion, failure: LedgerError): Promise<never> {
  const message = `${preservedSentence(receipt)} User ${receipt.username} was not deleted: ${failure.message}`
  await finishDeletion(db, receipt.id, { state: 'failed', error: { code: failure.code, message } })
  throw new DeletionFailed(receipt.id, failure.code, message, { retryAfter: 5, cause: failure })
}

/** Of a user whose final reading is stored: `error` keeps anybody from telling now whether it was deleted. */
export function withoutOutcome(
  receipt: Deletion,
  error: LedgerError,
  cause: unknown = error,
): DeletionFailed {
  const message = `${preservedSentence(receipt)} Nobody knows yet whether user ${receipt.username} was deleted (${error.message}); receipt ${receipt.id} will tell.`
  return new DeletionFailed(receipt.id, error.code, message, { retryAfter: 5, cause })
}

function preservedSentence(receipt: Deletion): string {
  return receipt.preserve_traffic ? 'Its traffic is preserved.' : 'Its traffic was not read, as asked.'
}
