import { isLedgerError, LedgerError } from '../../errors.ts'
import type { PanelClient } from '../../panel/panel.ts'
import type { Database } from '../../store/connection/database.ts'
import { findKnownUsers } from '../../store/deletions/bulk-admission.ts'
import type { Caller } from '../callers/caller.ts'
import { may } from '../callers/may.ts'
import { findAtPanel, type WhoseUsers } from './find-at-panel.ts'

/**
 * The most unknown names that the panel is asked for while the caller waits. This finds users that were created a moment
 * ago, and invented names do not keep the panel busy.
 */
const askedAtMost = 50

/** The names whose users will be deleted, and the refused names with the reason. */
export type AdmittedNames = {
  usernames: readonly string[]
  refused: { usernames: readonly string[]; code: string; message: string }
}

/**
 * Tells an admin's own users from other names. The ledger knows most of them; the panel is asked for a few that it does not
 * know. A sudo admin may name any user; the background work finds out which of those exist.
 *
 * @throws `forbidden` for a caller without an account; `unauthenticated` when the panel no longer knows the caller; the
 *   panel's errors where it has to be asked.
 */
export async function admitNames(
  { db, panel }: { db: Database; panel: PanelClient },
  caller: Caller,
  usernames: readonly string[],
): Promise<AdmittedNames> {
  if (may(caller, 'delete any user', null))
    return { usernames, refused: { usernames: [], code: '', message: '' } }
  if (caller.adminId === null) {
    throw new LedgerError(
      'forbidden',
      'The ledger has no account of yours yet; try again after the next poll.',
    )
  }
  const known = await findKnownUsers(db, usernames, caller.adminId)
  const unknown = usernames.filter((username) => !known.has(username))
  const isFew = unknown.length <= askedAtMost
  const found = isFew ? await findOwn(panel, unknown, caller) : new Set<string>()
  const isOwn = (username: string) => known.has(username) || found.has(username)
  return {
    usernames: usernames.filter(isOwn),
    refused: {
      usernames: usernames.filter((username) => !isOwn(username)),
      code: 'not_yours_or_unknown',
      message: isFew
        ? 'You have no user of this name.'
        : `The ledger knows no user of yours by this name. If it was created since your users were last read (as_of in ` +
          `GET /admins/me/stats), ask again after the next scan, or name at most ${askedAtMost} such users at a time.`,
    },
  }
}

/** A token that was good a moment ago can fail: the admin was deleted, or its password changed. */
async function findOwn(
  panel: PanelClient,
  usernames: readonly string[],
  { name, token }: Caller,
): Promise<Set<string>> {
  const own: WhoseUsers = token === null ? { admin: name } : { token }
  try {
    return await findAtPanel(panel, usernames, own)
  } catch (error) {
    if (!isLedgerError(error, 'panel_unauthorized')) throw error
    throw new LedgerError('unauthenticated', 'The panel no longer knows this token; log in again.', {
      cause: error,
    })
  }
}
