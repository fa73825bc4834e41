import type { UnreadableItem } from '../../panel/panel.ts'
import { recordUnreadable, type UnreadableEntry } from '../../store/collecting/unreadable-items.ts'
import type { Database } from '../../store/connection/database.ts'
import type { Asked } from '../../store/connection/logical-clock.ts'

/** `onUnreadable` is called once for each item, when it is found. */
export type UnreadableDeps = { db: Database; onUnreadable?: (entry: UnreadableEntry) => void }

/** Puts unreadable items on the list, and reports those that were not on it yet. */
export async function noteUnreadable(
  { db, onUnreadable }: UnreadableDeps,
  asked: Asked,
  entries: readonly UnreadableEntry[],
): Promise<void> {
  for (const entry of await recordUnreadable(db, asked, entries)) onUnreadable?.(entry)
}

/**
 * An item of an answer as it is kept.
 *
 * @param adminId the account whose users were asked for; null: none.
 * @returns null for a user that has neither a name nor an account: nothing identifies it.
 */
export function toUnreadableEntry(item: UnreadableItem, adminId: bigint | null): UnreadableEntry | null {
  const { kind, reason } = item
  if (item.name !== null) return { kind, name: storable(item.name), adminId, reason }
  if (kind === 'admin') return { kind, name: '', adminId, reason }
  return adminId === null ? null : { kind, name: null, adminId, reason }
}

/** What no database holds, written as JSON writes it. */
function storable(name: string): string {
  return name.replaceAll(/\0|[\ud800-\udfff]/gu, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}

/** A name for a sentence: it may be longer than any. */
export function shorten(name: string): string {
  return name.length > 100 ? `${name.slice(0, 100).toWellFormed()}...` : name
}

/** Logs what cannot be read; called once of each. */
export function logUnreadable(log: {
  warn(fields: object, message: string): void
}): (entry: UnreadableEntry) => void {
  return ({ kind, name, adminId, reason }) =>
    log.warn(
      { kind, name: name && shorten(name), account: adminId === null ? null : String(adminId) },
      `the panel has a ${kind} that cannot be read; GET /sync lists it. ${reason}`,
    )
}
