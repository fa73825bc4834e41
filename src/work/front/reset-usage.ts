import { LedgerError } from '../../errors.ts'
import type { ForwardedAnswer } from '../../panel/panel.ts'
import { mustReadAdmin } from '../observing/observe-admins.ts'
import { askPanelToRefuse, type FrontRequest, type FrontWork, forwardAndRecord } from './front-request.ts'
import { refuseUnread } from './unread.ts'

/**
 * The reset of an admin's counter: the counter of each admin that the panel can mean by this name is read right before
 * and right after. Nothing is forwarded for an admin that the panel does not list.
 */
export async function resetUsageThroughFront(
  work: FrontWork,
  username: string,
  request: FrontRequest,
): Promise<ForwardedAnswer> {
  const { same } = await work.panel.adminNamed(username)
  if (same.length === 0) return askPanelToRefuse(work, request, { kind: 'reset admin usage', username })
  const read = async () => {
    for (const admin of same) {
      const found = await mustReadAdmin(work, admin.username)
      if (!found)
        throw new LedgerError(
          'observation_overlapped',
          `Admin ${admin.username} cannot be found again; nothing was forwarded. Try again.`,
          { retryAfter: 1 },
        )
    }
  }
  await read()
  const odd = same.find(({ oddUsage }) => oddUsage !== undefined)
  if (odd) {
    const what = `The counter of admin ${odd.username} cannot be read: ${odd.oddUsage}`
    refuseUnread(work, request, { code: 'panel_bad_answer', what })
  }
  return forwardAndRecord(work, request, `the reset of admin ${username}`, read)
}
