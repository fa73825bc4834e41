import { isLedgerError } from '../../errors.ts'
import type { PanelUser } from '../../panel/panel.ts'
import type { Database } from '../../store/connection/database.ts'
import type { Asked } from '../../store/connection/logical-clock.ts'
import { observeUsers, type Taking } from './observe-users.ts'

/** A user whose reading the ledger cannot add up, and why. */
export type Uncountable = { username: string; reason: string }

/**
 * Stores a page of users as `observeUsers` does. Users whose bytes cannot be added to what their admin has are left out, and
 * only they: the page is halved until they stand alone.
 */
export async function observePage(
  db: Database,
  asked: Asked,
  users: readonly PanelUser[],
  taking?: Taking,
): Promise<{ dropped: string[]; uncountable: Uncountable[] }> {
  if (users.length === 0) return { dropped: [], uncountable: [] }
  try {
    return { ...(await observeUsers(db, asked, users, taking)), uncountable: [] }
  } catch (error) {
    if (!isLedgerError(error, 'user_unreadable')) throw error
    const [only, ...others] = users
    if (only && others.length === 0) {
      return { dropped: [], uncountable: [{ username: only.username, reason: error.message }] }
    }
    const half = Math.ceil(users.length / 2)
    const first = await observePage(db, asked, users.slice(0, half), taking)
    const second = await observePage(db, asked, users.slice(half), taking)
    return {
      dropped: [...first.dropped, ...second.dropped],
      uncountable: [...first.uncountable, ...second.uncountable],
    }
  }
}
