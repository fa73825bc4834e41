import { advance, type Counter, type Fall, isLater, noteFall, type Ticks } from './counter.ts'
import type { TenureEnd } from './tenure-end.ts'
import { canHaveSuccessor, identify } from './user-identity.ts'

/** What identifies a user: a name used again is another user, with another time of creation. */
export type UserKey = {
  username: string
  /** Naive UTC with microseconds, compared as text: JavaScript dates know only milliseconds. */
  createdAt: string
}

/** A user's other fields. They are only shown; no arithmetic depends on them. */
export type UserFacts = {
  status: string
  /** Bytes; null: unlimited. */
  dataLimit: bigint | null
  /** Unix seconds; null: never. */
  expire: bigint | null
}

/** One user under one owner; `adminId` is null for a user without an owner. */
export type Tenure = UserKey &
  UserFacts &
  Counter & {
    adminId: bigint | null
    endedBy: TenureEnd | null
    /** The panel says that it has reset this counter since the last reading. The next reading proves it, or not. */
    resetPending: boolean
    /** The latest `createdAt` it had before that was changed in the panel; null: it was not. */
    formerCreatedAt: string | null
    /** When the panel last showed it: milliseconds since 1970 by the panel's clock; null: not kept. */
    seenAt: number | null
    /** The last fall of its counter, until it comes back to where it fell from; null: none. */
    fall: Fall | null
  }

/** A user as one answer of the panel showed it. */
export type SeenUser = UserKey &
  UserFacts & {
    adminId: bigint | null
    /** Bytes: the user's `lifetime_used_traffic`. */
    lifetime: bigint
    /** When the panel said so: milliseconds since 1970 by the panel's clock. */
    at: number
  }

/** One tenure before and after an observation; `before` is null for a tenure that starts with it. */
export type TenureChange<T extends Tenure = Tenure> = { before: T | null; after: Tenure }

/**
 * Judges one user of a panel answer against the tenures already known of its name.
 *
 * - First sight of the user counts its whole lifetime for the owner it is seen under.
 * - Under the same owner, its counter advances (see {@link afterReset} for a counter that the panel may have reset).
 * - Under another owner, the old tenure ends and a new one starts at the present reading. The bytes since the last reading can
 *   be either owner's, so nobody is charged for them.
 * - An ended tenure that is seen again continues from the present reading. If it can have a successor (see
 *   {@link canHaveSuccessor}), the bytes above the last reading count.
 * - If it can be one of several users (see {@link identify}), only the bytes from now on count.
 * - Another open user of this name is gone, because names are unique in the panel.
 *
 * @param known all tenures of the name that may be this user's, as {@link identify} tells, and the open one of any other.
 * @returns the changes to store, this user's own the last; null when the reading overlapped an earlier observation and
 *   must be dropped.
 */
export function judgeUser<T extends Tenure>(
  known: readonly T[],
  seen: SeenUser,
  ticks: Ticks,
): TenureChange<T>[] | null {
  const identity = identify(known, { ...seen, asked: ticks.asked })
  const same = known.filter((tenure) => tenure.createdAt === identity.known)
  if (same.some((tenure) => !isLater(ticks.asked, tenure.answered))) return null
  const own = same.find((tenure) => tenure.adminId === seen.adminId)
  const rivals = known.filter((tenure) => tenure !== own && tenure.endedBy === null)
  const { createdAt, formerCreatedAt } = identity
  const outlived = rivals.filter(
    (tenure) => isLater(ticks.asked, tenure.answered) || tenure.createdAt < createdAt,
  )
  // A later user of this name, seen after this answer was asked for, has already replaced this one. The bytes of this one
  // count, but its tenure does not stay open.
  const endedBy = outlived.length < rivals.length ? 'panel' : null
  const changes: TenureChange<T>[] = outlived.map((before) => ({
    before,
    after: end(before, same.includes(before) ? 'transfer' : 'panel', ticks.answered),
  }))
  const sight = identity.isUncertain ? 0n : countedAtSight(same, seen.lifetime)
  const after = { ...present(own, sight, seen, ticks), createdAt, formerCreatedAt }
  changes.push({ before: own ?? null, after: { ...after, endedBy } })
  return changes
}

function present(
  own: Tenure | undefined,
  sight: bigint,
  seen: SeenUser,
  ticks: Ticks,
): Omit<Tenure, 'formerCreatedAt'> {
  const { lifetime, at: seenAt, ...user } = seen
  if (own?.endedBy === null) {
    const from = afterReset(own, lifetime)
    const fall = from === own ? noteFall(own.fall, own.reading, lifetime) : null
    return { ...advance(from, lifetime, ticks.answered), ...user, resetPending: false, seenAt, fall }
  }
  const counted = (own?.counted ?? 0n) + sight
  const counter = { reading: lifetime, counted, answered: ticks.answered, fall: null }
  return { ...user, ...counter, endedBy: null, resetPending: false, seenAt }
}

/** Bytes that count when a tenure begins or goes on. */
function countedAtSight(same: readonly Tenure[], lifetime: bigint): bigint {
  if (same.length === 0) return lifetime
  const left = same.find((tenure) => tenure.endedBy !== 'transfer')
  return left && canHaveSuccessor(left) && lifetime > left.reading ? lifetime - left.reading : 0n
}

/**
 * Whether a list may show bytes of a user twice. For a list, Marzban reads first what all its users have consumed since their
 * last resets, and then, user by user, what they had consumed at each reset. A reset in between moves bytes from the one to
 * the other: they are in both. Only an answer that shows a reset since the last reading can be of this kind. The user has to be
 * asked for by name: the panel then reads both at almost the same moment.
 *
 * @param last the last reading of the user.
 */
export function mayCountTwice(
  last: Pick<Tenure, 'reading'>,
  shown: { lifetimeUsedTraffic: bigint; usedTraffic: bigint | null },
): boolean {
  const { lifetimeUsedTraffic: lifetime, usedTraffic: used } = shown
  return used !== null && used > 0n && lifetime > used && lifetime - used >= last.reading
}

/** What a reading tells of an open tenure. `sight`: what was known, again. `counter`: that, and another counter. */
export type News = 'sight' | 'counter' | 'more'

/** How much of an open tenure a change changes, apart from the ticks and times of its reading. */
export function newsOf({ before, after }: TenureChange): News {
  if (before === null || before.endedBy !== null || after.endedBy !== null) return 'more'
  const isMore =
    before.status !== after.status ||
    before.dataLimit !== after.dataLimit ||
    before.expire !== after.expire ||
    before.adminId !== after.adminId ||
    before.createdAt !== after.createdAt ||
    before.formerCreatedAt !== after.formerCreatedAt ||
    before.resetPending !== after.resetPending ||
    before.fall?.from !== after.fall?.from ||
    before.fall?.to !== after.fall?.to
  if (isMore) return 'more'
  return before.reading === after.reading && before.counted === after.counted ? 'sight' : 'counter'
}

/** Whether a change makes a user appear under an owner: at first sight, or after its tenure there had ended. */
export function isAppearance({ before }: TenureChange): boolean {
  return before === null || before.endedBy !== null
}

/** Bytes that a change counts because its user appears, not because its counter rose. */
export function countedByAppearing(change: TenureChange): bigint {
  return isAppearance(change) ? change.after.counted - (change.before?.counted ?? 0n) : 0n
}

/**
 * Whether an answer is too old to be stored: it makes a user appear in an account, and a complete scan of the account began
 * after the panel was asked. The bytes that no user showed in that scan are in `usersOffset` for good. The old answer would
 * anchor the user too low, and its bytes up to the scan would count again. The panel has to be asked again.
 *
 * @param scanned the tick at which an account's last complete scan began; 0: there was none.
 */
export function isOutdated(
  changes: readonly TenureChange[],
  asked: bigint,
  scanned: (adminId: bigint) => bigint,
): boolean {
  return changes.some(
    (change) =>
      change.after.adminId !== null && isAppearance(change) && !isLater(asked, scanned(change.after.adminId)),
  )
}

/**
 * The tenure after the reset that the panel reported, if `lifetime` proves it: then the counter began at zero. Only a fall is a
 * proof. The counter of a user that the reset did not reach is as high as before, or higher; counting all of it would count
 * its past twice.
 */
function afterReset(own: Tenure, lifetime: bigint): Tenure {
  return own.resetPending && lifetime < own.reading ? { ...own, reading: 0n } : own
}

/**
 * Ends the open tenures of a user that the panel, asked by name, no longer knows.
 *
 * @returns the changes to store: nothing for tenures seen again since the panel was asked.
 */
export function judgeGone<T extends Tenure>(
  known: readonly T[],
  ticks: Ticks,
  by: 'panel' | 'service' = 'panel',
): TenureChange<T>[] {
  return known
    .filter((tenure) => tenure.endedBy === null && isLater(ticks.asked, tenure.answered))
    .map((before) => ({ before, after: end(before, by, ticks.answered) }))
}

function end(tenure: Tenure, by: TenureEnd, answered: bigint): Tenure {
  return { ...tenure, endedBy: by, answered, resetPending: false }
}
