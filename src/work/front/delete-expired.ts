import { isLedgerError, LedgerError } from '../../errors.ts'
import type { ForwardedAnswer } from '../../panel/panel.ts'
import { deleteUser } from '../deleting/delete-user.ts'
import { trafficFate } from '../deleting/outcome.ts'
import {
  askPanelToRefuse,
  deletionAsCaller,
  type FrontCaller,
  type FrontRequest,
  type FrontWork,
  identify,
} from './front-request.ts'

/** The most deletions at the same time. */
const atATime = 4

/**
 * The deletion of all expired users: the panel lists the users that it would delete, and exactly those are deleted, one by
 * one. The call itself is not forwarded: it would also delete users that expire in between, unread.
 */
export async function deleteExpiredThroughFront(
  work: FrontWork,
  request: FrontRequest,
): Promise<ForwardedAnswer> {
  const caller = await identify(work, request)
  if (!caller) return askPanelToRefuse(work, request, { kind: 'delete expired users' })
  const { expiredUsers } = work.api
  const list = await work.forwarder.forward(expiredUsers.listing(request.request))
  if (list.status !== 200) return list
  const names = expiredUsers.namesIn(list)
  const deleted = await deleteAll(work, caller, names, request)
  const [first] = deleted.failures
  if (first) {
    const { code, message, retryAfter } = first
    const done = deleted.names.length
    const summary =
      done === 0
        ? `None of ${names.length} users was deleted.`
        : `${done} of ${names.length} users were deleted, and their traffic ${trafficFate(request)}.`
    throw new LedgerError(code, `${summary} ${message}`, { retryAfter })
  }
  return expiredUsers.answer(deleted.names, work.panel, caller.token)
}

async function deleteAll(
  work: FrontWork,
  caller: FrontCaller,
  names: readonly string[],
  request: FrontRequest,
): Promise<{ names: string[]; failures: LedgerError[] }> {
  const queue = names.values()
  // A user that was renewed since the panel named it has another status, and stays.
  const { statuses } = work.api.expiredUsers
  const deleted = new Set<string>()
  const failures: LedgerError[] = []
  const worker = async () => {
    for (const username of queue) {
      if (request.gone.aborted) return
      try {
        await deleteUser(work, { ...deletionAsCaller(username, caller, request), onlyStatuses: statuses })
        deleted.add(username)
      } catch (error) {
        if (!isLedgerError(error)) throw error
        if (error.code !== 'not_found') failures.push(error)
      }
    }
  }
  const ended = await Promise.allSettled(Array.from({ length: atATime }, worker))
  for (const result of ended) if (result.status === 'rejected') throw result.reason
  return { names: names.filter((name) => deleted.has(name)), failures }
}
