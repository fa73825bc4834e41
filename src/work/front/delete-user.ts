import { isLedgerError } from '../../errors.ts'
import type { ForwardedAnswer } from '../../panel/panel.ts'
import type { UserDeletionRequest } from '../deleting/request.ts'
import { runUserDeletion, type UserEnding } from '../deleting/user-deletion.ts'
import { answerTo, type ForwardedReply, forwardDeletion } from './forward-deletion.ts'
import { deletionOf, type FrontRequest, type FrontWork, identify, refusalBy } from './front-request.ts'

/** The deletion of a user: the final reading and the receipt are durable before the panel hears of it. */
export async function deleteThroughFront(
  work: FrontWork,
  username: string,
  request: FrontRequest,
): Promise<ForwardedAnswer> {
  const caller = await identify(work, request)
  const ending = caller && (await deleteAsCaller(work, deletionOf(username, caller, request), request))
  switch (ending?.kind) {
    case 'sent':
    case 'unlearned':
      return answerTo(work, `User ${username}`, ending)
    case 'declined':
      throw ending.error
    default:
      return refusalBy(work, request, { kind: 'delete user', username })
  }
}

/** Null: the panel does not show this user to the caller. */
async function deleteAsCaller(
  work: FrontWork,
  deletion: UserDeletionRequest,
  request: FrontRequest,
): Promise<UserEnding<ForwardedReply> | null> {
  try {
    return await runUserDeletion(work, deletion, () => forwardDeletion(work, request, 'user'))
  } catch (error) {
    if (isLedgerError(error, 'panel_unauthorized', 'panel_forbidden')) return null
    throw error
  }
}
