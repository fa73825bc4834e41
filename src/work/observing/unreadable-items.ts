import type { UnreadableItem } from '../../panel/panel.ts'
import { recordUnreadable, type UnreadableEntry } from '../../store/collecting/unreadable-items.ts'
import type { Database } from '../../store/connection/database.ts'
import type { Asked } from '../../store/connection/logical-clock.ts'

/** `onUnreadable` is told of each item once, when it is found; left out: nobody is. */
export type NotesUnreadable = { db: Database; onUnreadable?: (entry: UnreadableEntry) => void }

/** Puts on the list what an answer did not tell well enough, and tells of what was not on it yet. */
export async function noteUnreadable(
  { db, onUnreadable }: NotesUnreadable,
  asked: Asked,
  entries: readonly UnreadableEntry[],
): Promise<void> {
  for (const entry of await recordUnreadable(db, asked, entries)) onUnreadable?.(entry)
}

/**
 * An item of an answer as it is kept.
 *
 * @param adminId the account whose users were asked for; null: none.
 * @returns null for a user that has neither a name nor an account: nothing is left by which to know it again.
 */
export function entryOf(item: UnreadableItem, adminId: bigint | null): UnreadableEntry | null {
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
export function tellUnreadable(log: {
  warn(fields: object, message: string): void
}): (entry: UnreadableEntry) => void {
  return ({ kind, name, adminId, reason }) =>
    log.warn(
      { kind, name: name && shorten(name), account: adminId === null ? null : String(adminId) },
      `the panel has a ${kind} that cannot be read; GET /sync lists it. ${reason}`,
    )
}
