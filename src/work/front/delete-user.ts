import { isLedgerError } from '../../errors.ts'
import type { ForwardedAnswer } from '../../panel/panel.ts'
import type { UserDeletionRequest } from '../deleting/request.ts'
import { runUserDeletion, type UserEnding } from '../deleting/user-deletion.ts'
import { answerAfterDeletion, type ForwardedReply, forwardDeletion } from './forward-deletion.ts'
import {
  askPanelToRefuse,
  deletionAsCaller,
  type FrontRequest,
  type FrontWork,
  identify,
} from './front-request.ts'

/** The deletion of a user: the final reading and the receipt are stored before the request is forwarded. */
export async function deleteUserThroughFront(
  work: FrontWork,
  username: string,
  request: FrontRequest,
): Promise<ForwardedAnswer> {
  const caller = await identify(work, request)
  const ending = caller && (await deleteAsCaller(work, deletionAsCaller(username, caller, request), request))
  switch (ending?.kind) {
    case 'sent':
    case 'unrecorded':
      return answerAfterDeletion(work, `User ${username}`, ending)
    case 'declined':
      throw ending.error
    default:
      return askPanelToRefuse(work, request, { kind: 'delete user', username })
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
