import { isLedgerError, LedgerError } from '../../errors.ts'
import type { ForwardedAnswer } from '../../panel/types.ts'
import { type Deletion, finishDeletion } from '../../store/deletions.ts'
import { finishDeleted, isStillThere } from '../deletion-outcome.ts'
import { preserve, type UserDeletionRequest } from '../final-reading.ts'
import { readNamedUser } from '../read-named.ts'
import {
  deletionOf,
  type FrontRequest,
  type FrontWork,
  forward,
  hasRefused,
  identify,
  learn,
  refusalBy,
  userPath,
} from './front-request.ts'

/** `DELETE /api/user/{username}`: the final reading and the receipt are durable before the panel hears of it. */
export async function deleteThroughFront(
  work: FrontWork,
  username: string,
  request: FrontRequest,
): Promise<ForwardedAnswer> {
  const caller = await identify(work, request)
  if (!caller) return refusalBy(work, request, userPath(username))
  const deletion = deletionOf(username, caller)
  const receipt = await preserveAsCaller(work, deletion)
  if (!receipt) {
    const refusal = await refusalBy(work, request, userPath(username))
    if (refusal.status === 404) {
      await learn(work, `user ${username}`, () => readNamedUser(work, username))
    }
    return refusal
  }
  let answer: ForwardedAnswer
  try {
    answer = await forward(work, request)
  } catch (error) {
    if (!isLedgerError(error)) throw error
    throw await withoutAnswer(work, deletion, receipt, error)
  }
  // The panel has acted: its answer belongs to the caller, whatever becomes of the receipt.
  await learn(work, `deletion ${receipt.id}`, () => settle(work, deletion, receipt, answer))
  return answer
}

/** The receipt; null: the panel does not show this user to the caller. */
async function preserveAsCaller(work: FrontWork, deletion: UserDeletionRequest): Promise<Deletion | null> {
  try {
    return await preserve(work, deletion, null)
  } catch (error) {
    if (isLedgerError(error, 'panel_unauthorized', 'panel_forbidden')) return null
    throw error
  }
}

async function settle(
  work: FrontWork,
  deletion: UserDeletionRequest,
  receipt: Deletion,
  answer: ForwardedAnswer,
): Promise<void> {
  const error = new LedgerError('panel_failed', `The panel answered ${answer.status} to the deletion.`)
  const isGone =
    answer.status === 200 || (!hasRefused(answer) && !(await isStillThere(work, deletion, receipt, error)))
  if (isGone) await finishDeleted(work, receipt)
  else await finishDeletion(work.db, receipt.id, { state: 'failed', error })
}

/** The panel has not answered: what became of the user is asked, and the caller is told. */
async function withoutAnswer(
  work: FrontWork,
  deletion: UserDeletionRequest,
  receipt: Deletion,
  error: LedgerError,
): Promise<LedgerError> {
  if (error.code === 'invalid_request' || (await isStillThere(work, deletion, receipt, error))) {
    await finishDeletion(work.db, receipt.id, { state: 'failed', error })
    const message = `Its traffic is preserved. User ${receipt.username} was not deleted: ${error.message}`
    return new LedgerError(error.code, message, { cause: error })
  }
  await finishDeleted(work, receipt)
  const message = `User ${receipt.username} was deleted and its traffic is preserved, but: ${error.message}`
  return new LedgerError(error.code, message, { cause: error })
}
