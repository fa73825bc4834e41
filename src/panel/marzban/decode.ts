import type { PanelAdmin, PanelUser, UnreadableItem } from '../panel.ts'
import { normaliseCreatedAt } from './created-at.ts'
import { byteCount, countOrNull, longestStatus, nameProblem, Odd } from './odd-values.ts'

/** The usable items of a list, and the unreadable ones, each with its place in the list. */
export type Decoded<Item> = { items: Item[]; unreadable: UnreadableItem[] }

/** A JSON object with members of any kind. */
type Members = Record<string, unknown>

/** Decodes the items of a list one by one: an odd item leaves the others usable. */
export function decodeList<Item>(
  kind: UnreadableItem['kind'],
  list: readonly unknown[],
  decode: (item: Members) => Item,
): Decoded<Item> {
  const decoded: Decoded<Item> = { items: [], unreadable: [] }
  for (const [index, item] of list.entries()) {
    try {
      if (!isObject(item)) throw new Odd('it is no JSON object')
      decoded.items.push(decode(item))
    } catch (error) {
      if (!(error instanceof Odd)) throw error
      const name = isObject(item) && typeof item.username === 'string' ? item.username : null
      decoded.unreadable.push({ kind, name, index, reason: error.message })
    }
  }
  return decoded
}

export function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * An admin as the ledger uses it. A `users_usage` that is missing (Marzban before 0.8) is null. One that is not a number
 * of bytes is null too; `oddUsage` says why.
 *
 * @throws {@link Odd} when its name cannot be used.
 */
export function toAdmin(answer: Members): PanelAdmin {
  const username = nameOf(answer.username)
  const isSudo = answer.is_sudo === true
  if (answer.users_usage === undefined || answer.users_usage === null) {
    return { username, isSudo, usersUsage: null }
  }
  const usersUsage = byteCount(answer.users_usage)
  if (typeof usersUsage === 'bigint') return { username, isSudo, usersUsage }
  return { username, isSudo, usersUsage: null, oddUsage: `users_usage ${usersUsage.problem}` }
}

/**
 * A user as the ledger uses it. What the arithmetic needs is read strictly: name, creation, owner and lifetime. Another
 * odd member is null, or its text as it is.
 *
 * @param toldAt the time of the answer, by the panel's clock.
 * @throws {@link Odd} when the arithmetic cannot use one of these four.
 */
export function toUser(answer: Members, toldAt: number | null): PanelUser {
  const username = nameOf(answer.username)
  const lifetime = byteCount(answer.lifetime_used_traffic)
  if (typeof lifetime !== 'bigint') throw new Odd(`lifetime_used_traffic ${lifetime.problem}`)
  const createdAt = creationOf(answer)
  if (createdAt === null) {
    throw new Odd(`created_at ${missing(answer.created_at) ?? 'is no time like 2026-01-31T10:20:30.123456'}`)
  }
  return {
    username,
    createdAt,
    status: statusOf(answer.status),
    lifetimeUsedTraffic: lifetime,
    usedTraffic: countOrNull(answer.used_traffic),
    dataLimit: countOrNull(answer.data_limit),
    expire: countOrNull(answer.expire),
    owner: ownerOf(answer.admin),
    toldAt,
  }
}

/** When a user was created, even if nothing else of it can be used; null: that cannot be read. */
export function creationOf({ created_at: createdAt }: Members): string | null {
  return typeof createdAt === 'string' ? normaliseCreatedAt(createdAt) : null
}

function nameOf(value: unknown): string {
  if (typeof value !== 'string') throw new Odd(`username ${missing(value) ?? 'is no text'}`)
  const problem = nameProblem(value)
  if (problem !== null) throw new Odd(`username ${problem}`)
  return value
}

/** Only the owner's name has to be readable: its counter is read elsewhere. */
function ownerOf(value: unknown): PanelAdmin | null {
  if (value === null) return null
  if (!isObject(value)) throw new Odd(`admin ${missing(value) ?? 'is neither an admin nor null'}`)
  try {
    const { username, isSudo, usersUsage } = toAdmin(value)
    return { username, isSudo, usersUsage }
  } catch (error) {
    throw error instanceof Odd ? new Odd(`admin.${error.message}`) : error
  }
}

/** The name of a user's owner; null: it has none. */
export function ownerNameOf(value: unknown): string | null {
  return ownerOf(value)?.username ?? null
}

/** The panel's status, or `unknown`. The ledger itself calls users `deleted` that are gone, so no present user may have that. */
export function statusOf(value: unknown): string {
  if (typeof value !== 'string') return 'unknown'
  const text = value.replaceAll('\0', '').slice(0, longestStatus).toWellFormed()
  return text === '' || text === 'deleted' ? 'unknown' : text
}

function missing(value: unknown): string | null {
  return value === undefined ? 'is missing' : null
}
