import { advance, type Counter, isLater, type Ticks } from './counter.ts'
import { creationOf } from './creation.ts'

/** Why a tenure ended: the panel lost the user, its owner changed, or it was deleted through this service. */
export type TenureEnd = 'panel' | 'transfer' | 'service'

/** What identifies a user: a name used again is another user, with another time of creation. */
export type UserKey = {
  username: string
  /** Naive UTC with microseconds, compared as text: JavaScript dates know only milliseconds. */
  createdAt: string
}

/** A user's state beside its counter: kept for display, no arithmetic depends on it. */
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
    /** The panel says that it has set this counter back to zero since the last reading; the next reading shows whether. */
    resetPending: boolean
  }

/** A user as one answer of the panel showed it. */
export type SeenUser = UserKey &
  UserFacts & {
    adminId: bigint | null
    /** Bytes: the user's `lifetime_used_traffic`. */
    lifetime: bigint
  }

/** One tenure before and after an observation; `before` is null for a tenure that starts with it. */
export type TenureChange<T extends Tenure = Tenure> = { before: T | null; after: Tenure }

/**
 * Judges one user of a panel answer against the tenures already known of its name.
 *
 * - First sight of the user counts its whole lifetime for the owner it is seen under.
 * - Under the owner it had, its counter advances (see {@link afterReset} for one that the panel may have set back); under another one the old tenure ends and a new one is anchored at
 *   the present reading: the bytes since the last reading may be either owner's and are charged to nobody.
 * - A tenure that had ended and is seen again continues, anchored at the present reading.
 * - Another user of the same name that was open is gone: the panel's names are unique.
 *
 * @param known all tenures of the same `createdAt`, also of one that the panel has kept more of (see
 *   {@link creationOf}), and the open ones of any other user of the name.
 * @returns the changes to store; null when the reading overlapped an earlier observation and must be dropped.
 */
export function judgeUser<T extends Tenure>(
  known: readonly T[],
  now: SeenUser,
  ticks: Ticks,
): TenureChange<T>[] | null {
  const seen = { ...now, createdAt: creationOf(known, now.createdAt) }
  const same = known.filter((tenure) => tenure.createdAt === seen.createdAt)
  if (same.some((tenure) => !isLater(ticks.asked, tenure.answered))) return null
  const own = same.find((tenure) => tenure.adminId === seen.adminId)
  const rivals = known.filter((tenure) => tenure !== own && tenure.endedBy === null)
  const outlived = rivals.filter((tenure) => isLater(ticks.asked, tenure.answered))
  // A rival that was seen after this answer was asked for has replaced this user already: its bytes count, its
  // tenure does not stay open.
  const endedBy = outlived.length < rivals.length ? 'panel' : null
  const changes: TenureChange<T>[] = outlived.map((before) => ({
    before,
    after: end(before, before.createdAt === seen.createdAt ? 'transfer' : 'panel', ticks.answered),
  }))
  changes.push({ before: own ?? null, after: { ...present(own, same.length === 0, seen, ticks), endedBy } })
  return changes
}

function present(own: Tenure | undefined, firstSight: boolean, seen: SeenUser, ticks: Ticks): Tenure {
  const { lifetime, ...user } = seen
  if (own?.endedBy === null) {
    return { ...advance(afterReset(own, lifetime), lifetime, ticks.answered), ...user, resetPending: false }
  }
  const counted = own?.counted ?? (firstSight ? lifetime : 0n)
  return {
    ...user,
    reading: lifetime,
    counted,
    answered: ticks.answered,
    endedBy: null,
    resetPending: false,
  }
}

/**
 * The tenure as it stood after the reset that the panel has spoken of, if `lifetime` proves that this user was reset: then
 * the counter began at zero. Only a fall proves it. A user that was with another admin meanwhile, or that the reset did not
 * reach, stands where it was or higher; to count all of that would count its past twice.
 */
function afterReset(own: Tenure, lifetime: bigint): Tenure {
  return own.resetPending && lifetime < own.reading ? { ...own, reading: 0n } : own
}

/**
 * Notes that the panel says it has set this counter back since its last reading. The reading stays: the next one is
 * compared with it. A reading that was asked for before the panel had spoken is dropped from then on: it may be from before.
 *
 * @param answered drawn after the panel's answer.
 */
export function noteReset<T extends Tenure>(tenure: T, answered: bigint): T {
  return { ...tenure, resetPending: true, answered }
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
