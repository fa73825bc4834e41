import type { Ticks } from '../../ledger/counter.ts'
import type { PanelAdmin, UnreadableItem } from '../../panel/panel.ts'
import { findUnlisted, markMissing } from '../../store/accounts/admins.ts'
import { recordPoll } from '../../store/collecting/panel-poll.ts'
import { requestScansOfUncounted } from '../../store/collecting/scans.ts'
import {
  forgetUnreadableAdmins,
  recordUnreadable,
  type UnreadableEntry,
} from '../../store/collecting/unreadable-items.ts'
import type { Tx } from '../../store/connection/database.ts'
import type { Asked } from '../../store/connection/logical-clock.ts'
import { toUnreadableEntry } from './unreadable-items.ts'

/** An admin whose counter the ledger cannot use, and why. */
export type OddCounter = { username: string; reason: string }

/** The panel's whole list of admins. */
export type Poll = {
  admins: readonly PanelAdmin[]
  odd: readonly OddCounter[]
  unreadable: readonly UnreadableItem[]
}

/** Whether the panel counts by admin, as these show it. */
export function countsByAdmin(admins: readonly PanelAdmin[]): boolean {
  return admins.some(({ usersUsage, oddUsage }) => usersUsage !== null || oddUsage !== undefined)
}

/**
 * Stores what only the whole list of admins tells: who has disappeared, what cannot be read, and whether the panel counts by admin. It
 * belongs into the transaction that stores their counters: figures whose counter cannot be read must not look fresh.
 *
 * @param answered drawn in this transaction.
 * @returns what could be read before.
 */
export async function storePoll(
  tx: Tx,
  { admins, odd, unreadable }: Poll,
  asked: Asked,
  answered: Asked,
): Promise<UnreadableEntry[]> {
  const names = admins.map(({ username }) => username)
  const ticks: Ticks = { asked: asked.tick, answered: answered.tick }
  const nameless = unreadable.find(({ name }) => name === null)
  if (!nameless) await markMissing(tx, names, ticks, answered.at)
  // It can be each admin that is not listed.
  const perhaps = nameless ? await findUnlisted(tx, names, ticks) : []
  const unusable = unreadable.filter(({ name }) => name !== null || perhaps.length === 0)
  const found = await recordUnreadable(tx, asked, [
    ...unusable.flatMap((item) => toUnreadableEntry(item, null) ?? []),
    ...odd.map(({ username, reason }) => toEntry(username, reason)),
    ...perhaps.map((username) => toEntry(username, nameless?.reason ?? '')),
  ])
  await forgetUnreadableAdmins(tx, asked)
  const counts = countsByAdmin(admins)
  if (counts) await requestScansOfUncounted(tx, asked)
  // A panel without admins does not show whether it would count.
  await recordPoll(tx, asked, {
    admins: admins.length,
    hasAdminUsage: admins.length === 0 ? null : counts,
  })
  return found
}

function toEntry(name: string, reason: string): UnreadableEntry {
  return { kind: 'admin', name, adminId: null, reason }
}
