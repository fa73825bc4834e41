import { isLedgerError, LedgerError } from '../../errors.ts'
import { noneExpired } from '../../panel/marzban/none-expired.ts'
import type { ForwardedAnswer } from '../../panel/panel.ts'
import { deleteUser } from '../deleting/delete-user.ts'
import {
  deletionOf,
  type FrontCaller,
  type FrontRequest,
  type FrontWork,
  identify,
  refusalBy,
} from './front-request.ts'

/** Deletions sent to the panel at the same time. */
const atATime = 4
const path = '/api/users/expired'
/** Of whom the panel names some; a user that was renewed since then has another status, and stays. */
const deletable = ['expired', 'limited']

/**
 * `DELETE /api/users/expired`: the panel says which users it would delete, and exactly those are deleted, one by one. The
 * call itself is not forwarded: it would take along users that expire in between, whom nobody has read.
 */
export async function deleteExpiredThroughFront(
  work: FrontWork,
  request: FrontRequest,
): Promise<ForwardedAnswer> {
  const caller = await identify(work, request)
  if (!caller) return refusalBy(work, request, path)
  const { headers, target } = request.request
  const list = await work.forwarder.forward({
    method: 'GET',
    target,
    headers: asQuestion(headers),
    body: null,
  })
  if (list.status !== 200) return list
  const names = namesOf(list)
  const deleted = await deleteAll(work, caller, names, request)
  const [first] = deleted.failures
  if (first) {
    const { code, message, retryAfter } = first
    const done = deleted.names.length
    const summary =
      done === 0
        ? `None of ${names.length} users was deleted.`
        : `${done} of ${names.length} users were deleted, and their traffic is preserved.`
    throw new LedgerError(code, `${summary} ${message}`, { retryAfter })
  }
  return deleted.names.length > 0 ? json(200, deleted.names) : noneExpired(work.panel, caller.token)
}

async function deleteAll(
  work: FrontWork,
  caller: FrontCaller,
  names: readonly string[],
  request: FrontRequest,
): Promise<{ names: string[]; failures: LedgerError[] }> {
  const queue = names.values()
  const deleted = new Set<string>()
  const failures: LedgerError[] = []
  const worker = async () => {
    for (const username of queue) {
      if (request.gone.aborted) return
      try {
        await deleteUser(work, { ...deletionOf(username, caller, request), onlyStatuses: deletable })
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

function namesOf({ body }: ForwardedAnswer): string[] {
  let names: unknown
  try {
    names = JSON.parse(body.toString())
  } catch {
    names = null
  }
  if (Array.isArray(names) && names.every((name) => typeof name === 'string')) return names
  throw new LedgerError('panel_bad_answer', `What answers GET ${path} is no list of names.`)
}

/** For a question whose answer is read here: without a body, and not to be compressed. */
function asQuestion(headers: FrontRequest['request']['headers']): FrontRequest['request']['headers'] {
  const kept = Object.entries(headers).filter(([name]) => !/^(content-|accept-encoding$)/.test(name))
  return Object.fromEntries(kept)
}

/** An answer in the panel's form. */
function json(status: number, body: unknown): ForwardedAnswer {
  return { status, headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify(body)) }
}
