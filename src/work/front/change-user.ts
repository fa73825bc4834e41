import { isLedgerError } from '../../errors.ts'
import type { ForwardedAnswer } from '../../panel/panel.ts'
import { observeUsers } from '../observing/observe-users.ts'
import { retryOverlapped } from '../observing/retry-overlapped.ts'
import { askPanelToRefuse, type FrontRequest, type FrontWork, forwardAndRecord } from './front-request.ts'
import { refuseUnread } from './unread.ts'

/** A reset of one user, its next plan, or another owner: the user is read right before and right after. */
export async function changeUserThroughFront(
  work: FrontWork,
  username: string,
  request: FrontRequest,
): Promise<ForwardedAnswer> {
  if (!(await readUser(work, username, request))) {
    return askPanelToRefuse(work, request, { kind: 'change user', username })
  }
  return forwardAndRecord(work, request, `a change of user ${username}`, () => observeUser(work, username))
}

/**
 * Reads a user with the caller's rights before a call is forwarded.
 *
 * @returns false: the panel does not show this user to the caller.
 * @throws `user_unreadable`, unless the caller goes on without a reading.
 */
export async function readUser(work: FrontWork, username: string, request: FrontRequest): Promise<boolean> {
  if (request.token === null) return false
  try {
    return await observeUser(work, username, request.token)
  } catch (error) {
    if (!isLedgerError(error, 'user_unreadable')) throw error
    const what = error.message.replace(/\.$/, '')
    refuseUnread(work, request, { code: error.code, what })
    return true
  }
}

/**
 * Reads one user until the reading is accepted.
 *
 * @param token the caller's own; left out: the service's account reads.
 * @returns false: the panel does not show this user.
 */
async function observeUser(work: FrontWork, username: string, token?: string): Promise<boolean> {
  return retryOverlapped(work.db, `User ${username}`, async (asked, since) => {
    try {
      const user = await work.panel.user(username, token === undefined ? {} : { token })
      if (user === null) return false
      const { dropped } = await observeUsers(work.db, asked, [user], { since })
      return dropped.length === 0 ? true : undefined
    } catch (error) {
      if (token !== undefined && isLedgerError(error, 'panel_unauthorized', 'panel_forbidden')) return false
      throw error
    }
  })
}
