import { type ErrorCode, LedgerError } from '../../errors.ts'
import type { UnreadableEntry } from '../../store/collecting/unreadable-items.ts'
import { shorten } from '../observing/unreadable-items.ts'
import type { FrontRequest, FrontWork } from './front-request.ts'

/** Users that a refusal names one by one. */
export const namedAtMost = 20

/** What could not be read before a call of the panel. */
export type Unread = {
  code: ErrorCode
  /** What it is, and why: a sentence without its full stop. */
  what: string
}

/**
 * Refuses a call that concerns somebody who could not be read; or, where the caller, a sudo admin, wants to go on all the
 * same, says in the log what is not counted.
 *
 * @throws with `unread.code` and the remedy.
 */
export function refuseUnlessUnpreserved(work: FrontWork, request: FrontRequest, unread: Unread): void {
  if (request.preserveTraffic) {
    throw new LedgerError(
      unread.code,
      `${unread.what}. Nothing was forwarded to the panel. Mend or delete that in the panel; or a sudo admin sends the ` +
        'call with ?preserve_traffic=false: what nobody could read is not counted then.',
    )
  }
  work.log.warn({ code: unread.code }, `${unread.what}: a sudo admin goes on without it`)
}

/**
 * Names users that could not be read.
 *
 * @param named the first of them that have names, at most one more than are told.
 * @param unlisted how many others the panel does not even list, so that nobody knows who they are.
 * @returns null: everybody was read.
 */
export function unreadOf(named: readonly UnreadableEntry[], unlisted: number): Unread | null {
  const parts = [
    ...named
      .slice(0, namedAtMost)
      .map(({ name, reason }) => `${shorten(name ?? 'without a name')} (${reason})`),
    ...(named.length > namedAtMost ? ['more'] : []),
    ...(unlisted > 0 ? [`${unlisted} that the panel cannot list`] : []),
  ]
  if (parts.length === 0) return null
  return { code: 'user_unreadable', what: `These users cannot be read: ${parts.join(', ')}` }
}
