import { type ErrorCode, LedgerError } from '../../errors.ts'
import type { PanelClient, UnreadableItem } from '../../panel/types.ts'
import type { UsersRead } from '../read-users.ts'
import type { FrontRequest, FrontWork } from './front-request.ts'

/** Users that a refusal names one by one. */
const namedAtMost = 20
const longestName = 100

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

/** A panel that notes in `found` which users of its lists cannot be read. */
export function noting(panel: PanelClient, found: UnreadableItem[]): PanelClient {
  return {
    ...panel,
    users: async (page, options) => {
      const answer = await panel.users(page, options)
      found.push(...answer.unreadable)
      return answer
    },
  }
}

/**
 * @param found may hold a user twice: pages overlap.
 * @param read who could not even be listed, and who could not be added up.
 * @returns null: everybody was read.
 */
export function unreadOf(
  found: readonly UnreadableItem[],
  { unlisted, unreadable }: Pick<UsersRead, 'unlisted' | 'unreadable'>,
): Unread | null {
  const [first] = found
  if (!first) {
    const users = unlisted + unreadable
    if (users === 0) return null
    return { code: 'user_unreadable', what: `${users} users cannot be read: see "unreadable" in GET /sync` }
  }
  const names = [...new Set(found.map(({ name }) => shown(name)))]
  const rest = names.length > namedAtMost ? ` and ${names.length - namedAtMost} more` : ''
  const who = `${names.slice(0, namedAtMost).join(', ')}${rest}`
  const users = names.length === 1 ? `User ${who}` : `${names.length} users (${who})`
  return { code: 'user_unreadable', what: `${users} cannot be read: ${first.reason}` }
}

function shown(name: string | null): string {
  if (name === null) return 'without a name'
  const line = name.replaceAll(/\p{C}/gu, '?')
  return line.length > longestName ? `${line.slice(0, longestName)}...` : line
}
