import { isLater } from './counter.ts'
import type { TenureEnd } from './tenure-end.ts'

/** What is known of a user that tells it from another one of its name. */
export type KnownUser = {
  /** Naive UTC by the panel's clock, with microseconds, as text. */
  createdAt: string
  /** The latest time of creation that it had before; null: it never changed. */
  formerCreatedAt: string | null
  /** When the panel last showed it: milliseconds since 1970 by the panel's clock; null: not kept. */
  seenAt: number | null
  /** Bytes it had consumed by then. */
  reading: bigint
  /** The `answered` tick of that reading. */
  answered: bigint
  endedBy: TenureEnd | null
}

/** A user as the panel shows it now. */
export type ShownUser = {
  createdAt: string
  /** Bytes. */
  lifetime: bigint
  /** When the panel showed it: milliseconds since 1970 by the panel's clock. */
  at: number
}

/** The panel's answer, and the tick at which it was asked for. */
type Answer = ShownUser & { asked: bigint }

/** Which of the known users the shown one is. */
export type Identity = {
  /** The time of creation of its tenures so far; null: a user that was never seen. */
  known: string | null
  /** The time of creation under which it is kept from now on. */
  createdAt: string
  /** The latest one that it was kept under before. */
  formerCreatedAt: string | null
  /** It is no later user, but perhaps none of the known ones: nobody knows which part of its counter was read before. */
  isUncertain: boolean
}

/** Two times from the panel can differ by this much and mean the same moment. */
export const marginMs = 120_000
/** Two users can share a second of creation only if the first one lived no longer than this. */
const momentMs = 2_000
/** All zones of the world are whole quarters of an hour apart. */
const quarter = 15n * 60_000_000n
/** From the westernmost to the easternmost. */
const zonesAtMost = 26n * 4n
const noFraction = '.000000'

/**
 * Which user the panel shows, of those that are known by its name.
 *
 * 1. The one with this time of creation. A move to MySQL may have removed the fraction of the second.
 * 2. The one whose time of creation was changed (see {@link hasChangedDate}). Only the open tenure is compared, or, if there is
 *    none, the one seen last.
 * 3. A user of its own, if the date was changed by hand and several users of the name are known, or if the counter fell as
 *    well: a backup may have brought back a user that was seen only under another date, or never.
 * 4. Otherwise a new user.
 *
 * @param known all tenures of the name that the ledger has loaded.
 */
export function identify(known: readonly KnownUser[], shown: Answer): Identity {
  const same = known.filter(({ createdAt }) => isSameCreation(createdAt, shown.createdAt))
  const exact = same.find(({ createdAt }) => createdAt === shown.createdAt)
  const kept = exact ?? same.toSorted((a, b) => (a.createdAt < b.createdAt ? -1 : 1)).at(-1)
  if (kept) return { ...kept, known: kept.createdAt, isUncertain: false }
  // An answer from before a user was created shows an earlier user of the name.
  const alive = known.filter(
    (user) =>
      isLater(shown.asked, user.answered) ||
      shown.at >= millisecondsOf(user.createdAt) ||
      // The clock that dates the answers is behind the one that dates the users: the two times cannot be compared.
      (user.seenAt !== null && user.seenAt + marginMs < millisecondsOf(user.createdAt)),
  )
  const last = alive.find(({ endedBy }) => endedBy === null) ?? lastSeen(alive)
  const hasChanged = last !== undefined && hasChangedDate(last, shown, alive)
  // In an answer from before the last reading, a lower counter or an older date proves nothing: it is the same user.
  const isNews = hasChanged && isLater(shown.asked, last.answered)
  const isUncertain = isNews && (shown.lifetime < last.reading || isOneOfSeveral(last, shown, alive))
  return hasChanged && !isUncertain
    ? {
        known: last.createdAt,
        createdAt: shown.createdAt,
        formerCreatedAt: latestCreation(last),
        isUncertain,
      }
    : { known: null, createdAt: shown.createdAt, formerCreatedAt: null, isUncertain }
}

/** Only dates decide here. Otherwise a reseller could delete and re-create a user to hide its bytes. */
function isOneOfSeveral(last: KnownUser, shown: ShownUser, ofName: readonly KnownUser[]): boolean {
  return (
    isEarlier(last, shown, ofName) &&
    !isKnownDate(last, shown) &&
    ofName.some(({ createdAt }) => createdAt !== last.createdAt)
  )
}

/** The latest of all times of creation that the user ever had. */
function latestCreation({ createdAt, formerCreatedAt }: KnownUser): string {
  return formerCreatedAt !== null && formerCreatedAt > createdAt ? formerCreatedAt : createdAt
}

function lastSeen(known: readonly KnownUser[]): KnownUser | undefined {
  return known.toSorted((a, b) => seenAtOf(a) - seenAtOf(b)).at(-1)
}

/** A user existed at its creation, even if nobody saw it. */
function seenAtOf(user: KnownUser): number {
  return Math.max(user.seenAt ?? Number.NEGATIVE_INFINITY, millisecondsOf(user.createdAt))
}

/**
 * Whether the user shown under another time of creation is still the known one. Names are unique in the panel. A user created
 * before the known user was last seen cannot be another one: both would have existed at the same time. All these times come
 * from the panel's clock, so its error does not matter.
 *
 * If the clock does not decide, the lifetime does: a counter that has not fallen belongs to the known user. This is the careful
 * choice. At worst the known user's bytes hide as many bytes of the new one; the other choice would count them twice. If the
 * known user was seen to be gone, it is another user.
 *
 * @param ofName all known users of the name.
 */
function hasChangedDate(known: KnownUser, shown: ShownUser, ofName: readonly KnownUser[]): boolean {
  if (isKnownDate(known, shown)) return true
  const hasNotFallen = shown.lifetime >= known.reading
  const undecided = known.endedBy === null && hasNotFallen
  const created = millisecondsOf(shown.createdAt)
  const seenAt = seenAtOf(known)
  // The panel's clock was set back since: the two times cannot be compared.
  if (shown.at < seenAt - marginMs) return undecided
  // No user is created in the future: the date was written by hand.
  if (isOneClock(known, shown) && isInFuture(shown.createdAt, shown)) return undecided
  if (isEarlier(known, shown, ofName)) return true
  // The counter fell and the date is later: the clock of the answers may be behind, and this may be another user.
  return created <= seenAt - marginMs ? hasNotFallen : created <= seenAt && undecided
}

/** A later user is never created before an earlier one, even if the dates of those were changed. */
function isEarlier(known: KnownUser, shown: ShownUser, ofName: readonly KnownUser[]): boolean {
  const latest = ofName.map(latestCreation).filter((creation) => millisecondsOf(creation) <= seenAtOf(known))
  return shown.createdAt < latest.reduce((one, other) => (one < other ? other : one), known.createdAt)
}

/**
 * Whether the date alone proves that it is the known user: the user had this date before, or its zone was changed. A date that
 * a re-created user could have proves nothing: re-creating a user a whole quarter of an hour later could hide bytes.
 */
function isKnownDate(known: KnownUser, shown: ShownUser): boolean {
  if (known.formerCreatedAt === shown.createdAt) return true
  if (!isOtherZone(known.createdAt, shown.createdAt)) return false
  if (shown.createdAt < known.createdAt) return true
  const isAhead = isOneClock(known, shown) && isInFuture(shown.createdAt, shown)
  return shown.lifetime >= known.reading && (isAhead || millisecondsOf(shown.createdAt) <= seenAtOf(known))
}

function isInFuture(createdAt: string, { at }: ShownUser): boolean {
  return millisecondsOf(createdAt) > at + marginMs
}

/** If the known user was created after `at`, the clock of the answers is not the clock that dates the users. */
function isOneClock(known: KnownUser, shown: ShownUser): boolean {
  return !isInFuture(known.createdAt, shown)
}

/**
 * Whether a later user can have the same second of creation as `known`, on a panel that keeps whole seconds: this service
 * deleted `known` a moment after its creation. A backup from that moment that brings `known` back looks the same. In both
 * cases only the bytes above the last reading count.
 */
export function canHaveSuccessor(known: KnownUser): boolean {
  return (
    known.endedBy === 'service' &&
    known.createdAt.endsWith(noFraction) &&
    known.seenAt !== null &&
    known.seenAt - millisecondsOf(known.createdAt) <= momentMs
  )
}

/**
 * Whether `known` and `seen` are the same time of creation. A panel that moved to MySQL keeps whole seconds, rounded or cut
 * off; before, it kept microseconds.
 */
export function isSameCreation(known: string, seen: string): boolean {
  if (known === seen) return true
  if (!seen.endsWith(noFraction) || known.endsWith(noFraction)) return false
  const [second = '', fraction = ''] = known.split('.')
  const kept = fraction < '500000' ? [second] : [second, secondAfter(second)]
  return kept.some((whole) => `${whole}${noFraction}` === seen)
}

/** Whether the dates differ by a change of zone. The fraction of the second can be lost, too. */
function isOtherZone(known: string, shown: string): boolean {
  const apart = microsecondsOf(shown) - microsecondsOf(known)
  if (apart > zonesAtMost * quarter || apart < -zonesAtMost * quarter) return false
  const beyond = ((apart % quarter) + quarter) % quarter
  const lost = shown.endsWith(noFraction) && !known.endsWith(noFraction) ? 1_000_000n : 1n
  return beyond < lost || quarter - beyond < lost
}

/** Whole seconds only: a Date has no microseconds to keep. */
function secondAfter(second: string): string {
  const next = new Date(Date.parse(`${second.replace(' ', 'T')}Z`) + 1_000)
  return next.toISOString().slice(0, 19).replace('T', ' ')
}

function millisecondsOf(createdAt: string): number {
  return Number(microsecondsOf(createdAt) / 1_000n)
}

function microsecondsOf(createdAt: string): bigint {
  const [second = '', fraction = '0'] = createdAt.split('.')
  return BigInt(Date.parse(`${second.replace(' ', 'T')}Z`)) * 1_000n + BigInt(fraction.padEnd(6, '0'))
}
