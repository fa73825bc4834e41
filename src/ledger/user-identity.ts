import { isLater } from './counter.ts'
import type { TenureEnd } from './tenure-end.ts'

/** What is known of a user that tells it from another one of its name. */
export type KnownUser = {
  /** Naive UTC by the panel's clock, with microseconds, as text. */
  createdAt: string
  /** The latest one that it had before that was changed; null: it was not. */
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
  /** It is none that came later, and may be none of those known either: nobody can say what of its counter was read before. */
  isUncertain: boolean
}

/** By how much two times that the panel tells may be apart although they are of the same moment. */
const marginMs = 120_000
/** Within which a user must have come and gone for another one to have the same second of creation. */
const momentMs = 2_000
/** All zones of the world are whole quarters of an hour apart. */
const quarter = 15n * 60_000_000n
/** From the westernmost to the easternmost. */
const zonesAtMost = 26n * 4n
const noFraction = '.000000'

/**
 * Which user the panel shows, of those that are known by its name.
 *
 * 1. One with this time of creation, or one whose fraction of a second a move to MySQL has taken.
 * 2. One whose time of creation was changed (see {@link hasChangedDate}): asked of the open tenure, or, where there is none,
 *    of the one that was seen last.
 * 3. Where the date was changed by hand and several users of the name are known, or where the counter fell as well, it may
 *    be another one, that a backup has brought back: one seen under another date only, or never. It is kept for itself.
 * 4. Otherwise a user that was never seen.
 *
 * @param known all tenures of the name that the ledger has loaded.
 */
export function identify(known: readonly KnownUser[], shown: Answer): Identity {
  const same = known.filter(({ createdAt }) => isSameCreation(createdAt, shown.createdAt))
  const exact = same.find(({ createdAt }) => createdAt === shown.createdAt)
  const kept = exact ?? same.toSorted((a, b) => (a.createdAt < b.createdAt ? -1 : 1)).at(-1)
  if (kept) return { ...kept, known: kept.createdAt, isUncertain: false }
  // An answer from before a user was created shows the one who had the name then.
  const alive = known.filter(
    (user) => isLater(shown.asked, user.answered) || shown.at >= millisecondsOf(user.createdAt),
  )
  const last = alive.find(({ endedBy }) => endedBy === null) ?? lastSeen(alive)
  const hasChanged = last !== undefined && hasChangedDate(last, shown, alive)
  const isUncertain = hasChanged && (shown.lifetime < last.reading || isOneOfSeveral(last, shown, alive))
  return hasChanged && !isUncertain
    ? {
        known: last.createdAt,
        createdAt: shown.createdAt,
        formerCreatedAt: latestCreation(last),
        isUncertain,
      }
    : { known: null, createdAt: shown.createdAt, formerCreatedAt: null, isUncertain }
}

/** Only where dates of creation tell: who deletes a user and creates it anew could otherwise hide what it consumed. */
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

/** It existed when it was created, whatever else is known. */
function seenAtOf(user: KnownUser): number {
  return Math.max(user.seenAt ?? Number.NEGATIVE_INFINITY, millisecondsOf(user.createdAt))
}

/**
 * Whether the user shown under another time of creation is the known one all the same. Names are unique in the panel: who
 * was created before the known user was last seen cannot be another one, for both would have lived. Every time in this
 * comparison is by the panel's clock, so it does not matter by how much that is wrong.
 *
 * Where the clock leaves it open, the lifetime decides: a counter that has not fallen belongs to the known user. That is the
 * careful answer. At worst the bytes of the known user hide as many of the new one; the other answer counts them twice. Of
 * a user that was seen to be gone, such a moment means that another one has come.
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
  // Nobody is created in the future: someone has written the date.
  if (isOneClock(known, shown) && isInFuture(shown.createdAt, shown)) return undecided
  if (isEarlier(known, shown, ofName)) return true
  // A counter that fell, under a later date: that other clock may be behind, and another user have come.
  return created <= seenAt - marginMs ? hasNotFallen : created <= seenAt && undecided
}

/** A user that comes later is not created earlier than any before it, whatever time those were given since. */
function isEarlier(known: KnownUser, shown: ShownUser, ofName: readonly KnownUser[]): boolean {
  const latest = ofName.map(latestCreation).filter((creation) => millisecondsOf(creation) <= seenAtOf(known))
  return shown.createdAt < latest.reduce((one, other) => (one < other ? other : one), known.createdAt)
}

/**
 * Whether the date alone tells that it is the known user: it had it before, or its zone was changed. Not where a user
 * created anew would have that date: who creates one a whole quarter of an hour after the other could hide what both consumed.
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

/** If not even the known user was created by now, what says when the panel answered is another clock than dates its users. */
function isOneClock(known: KnownUser, shown: ShownUser): boolean {
  return !isInFuture(known.createdAt, shown)
}

/**
 * Whether another user of the same second of creation can have followed `known` on a panel that keeps whole seconds: it
 * was deleted through this service within a moment. Nothing tells such a user from the known one, brought back by a backup
 * of the panel made in that moment: what both would have consumed beyond the last reading counts, and no more.
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
 * Whether the user that is known as created at `known` is the one that the panel now says was created at `seen`. A panel
 * that was moved to MySQL keeps whole seconds, rounded or cut off, of what it kept microseconds of before.
 */
export function isSameCreation(known: string, seen: string): boolean {
  if (known === seen) return true
  if (!seen.endsWith(noFraction) || known.endsWith(noFraction)) return false
  const [second = '', fraction = ''] = known.split('.')
  const kept = fraction < '500000' ? [second] : [second, secondAfter(second)]
  return kept.some((whole) => `${whole}${noFraction}` === seen)
}

/** Whether the panel's database was converted from one zone to another, be it that fractions of seconds got lost. */
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
