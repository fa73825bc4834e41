import { type ErrorCode, LedgerError } from '../../errors.ts'
import type { UnreadableEntry } from '../../store/collecting/unreadable-items.ts'
import { shorten } from '../observing/unreadable-items.ts'
import type { FrontRequest, FrontWork } from './front-request.ts'

/** The most users that a refusal names. */
export const namedAtMost = 20

/** What could not be read before a call of the panel. */
export type Unread = {
  code: ErrorCode
  /** The user or admin and the reason: a sentence without its full stop. */
  what: string
}

/**
 * Refuses a call because of something that could not be read. If the caller, a sudo admin, goes on without it, it only logs
 * what is not counted.
 *
 * @throws an error with `unread.code` and the remedy.
 */
export function refuseUnread(work: FrontWork, request: FrontRequest, unread: Unread): void {
  if (request.preserveTraffic) {
    throw new LedgerError(
      unread.code,
      `${unread.what}. Nothing was forwarded to the panel. Mend or delete that in the panel; or a sudo admin sends the ` +
        'call with ?preserve_traffic=false: traffic that cannot be read is then lost.',
    )
  }
  work.log.warn({ code: unread.code }, `${unread.what}: a sudo admin goes on without it`)
}

/**
 * Describes the users that could not be read.
 *
 * @param named the first of those with names: at most one more than a refusal names.
 * @param unlisted how many others the panel does not list, so that their names are unknown.
 * @returns null: all users were read.
 */
export function describeUnread(named: readonly UnreadableEntry[], unlisted: number): Unread | null {
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
