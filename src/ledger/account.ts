import { advance, isLater, type Ticks } from './counter.ts'
import type { Tenure, TenureChange } from './tenure.ts'

/** What is kept per admin. All figures are bytes. */
export type Account = {
  /** What the admin's users have ever consumed, as far as either witness proves: never decreases. */
  total: bigint
  /** Witness U: what all tenures of the admin have counted. */
  usersCounted: bigint
  /** The part of U that ended tenures counted. */
  preserved: bigint
  /** Witness C: what the admin's `users_usage` has counted. */
  panelCounted: bigint
  /** The last `users_usage` accepted; null: never seen. */
  panelReading: bigint | null
  panelAnswered: bigint
  /** What U has proven beyond C. */
  panelOffset: bigint
  /** U at the end of a complete scan, waiting for a reading of C late enough to be compared with it. */
  snapshot: Snapshot | null
  /** Growth up to the first complete scan: traffic of the past. */
  openingBalance: bigint
  /** Whether a first complete scan has closed the opening balance. */
  opened: boolean
}

export type Snapshot = {
  /** Bytes. */
  value: bigint
  /** Milliseconds since 1970 by the database's clock. */
  at: number
}

/** What changed tenures do to one account: bytes, and users by status (`deleted` for those that are gone). */
export type AccountEffect = { counted: bigint; preserved: bigint; users: Map<string, number> }

/** Sums what `changes` do to each account; tenures without an owner have none. */
export function effectsOf(changes: readonly TenureChange[]): Map<bigint, AccountEffect> {
  const effects = new Map<bigint, AccountEffect>()
  for (const { before, after } of changes) {
    if (after.adminId === null) continue
    let effect = effects.get(after.adminId)
    if (!effect) {
      effect = { counted: 0n, preserved: 0n, users: new Map() }
      effects.set(after.adminId, effect)
    }
    effect.counted += after.counted - (before?.counted ?? 0n)
    effect.preserved += preservedOf(after) - preservedOf(before)
    tally(effect.users, before, -1)
    tally(effect.users, after, 1)
  }
  return effects
}

function preservedOf(tenure: Tenure | null): bigint {
  return tenure && tenure.endedBy !== null ? tenure.counted : 0n
}

function tally(users: Map<string, number>, tenure: Tenure | null, by: number): void {
  // A user that moved to another owner is neither present nor deleted here.
  if (!tenure || tenure.endedBy === 'transfer') return
  const key = tenure.endedBy === null ? tenure.status : 'deleted'
  users.set(key, (users.get(key) ?? 0) + by)
}

/** The account after its tenures changed. */
export function applyEffect<A extends Account>(account: A, effect: AccountEffect): A {
  return settle({
    ...account,
    usersCounted: account.usersCounted + effect.counted,
    preserved: account.preserved + effect.preserved,
  })
}

/**
 * The account after a reading of the admin's `users_usage`. First sight counts the whole reading.
 *
 * A snapshot is compared with C only when the reading was asked for longer after it than the panel lags: the panel books a
 * user's bytes first and the admin's in a second transaction, so a C read sooner lacks bytes that the snapshot has, and
 * they would be counted twice when they arrive.
 *
 * @param lagHasPassed whether the panel had booked all that the account's snapshot has when it was asked.
 * @returns null when the reading overlapped an earlier one and must be dropped.
 */
export function applyPanelReading<A extends Account>(
  account: A,
  value: bigint,
  ticks: Ticks,
  lagHasPassed: boolean,
): A | null {
  if (!isLater(ticks.asked, account.panelAnswered)) return null
  // Before first sight the counter stands at zero, so the whole first reading is a rise.
  const counter = { reading: account.panelReading ?? 0n, counted: account.panelCounted, answered: 0n }
  const next = advance(counter, value, ticks.answered)
  const { snapshot } = account
  const due = snapshot !== null && lagHasPassed
  return settle({
    ...account,
    panelReading: next.reading,
    panelCounted: next.counted,
    panelAnswered: next.answered,
    panelOffset: due ? max(account.panelOffset, snapshot.value - next.counted) : account.panelOffset,
    snapshot: due ? null : snapshot,
  })
}

/**
 * The account after a scan of the admin's users: U becomes the snapshot, unless one still waits to be compared (replacing it
 * at every scan could postpone the comparison for ever), and the opening balance closes. Where some users could not be read
 * there is no snapshot; but the opening balance closes, or one odd user could keep it open for ever, and with it whatever
 * waits for it. What such a user is found to have consumed later is growth of the time when it is found.
 *
 * @param at milliseconds since 1970 by the database's clock.
 * @param whole whether every user has been read.
 */
export function completeScan<A extends Account>(account: A, at: number, whole: boolean): A {
  const snapshot = account.snapshot ?? (whole ? { value: account.usersCounted, at } : null)
  return { ...account, opened: true, snapshot }
}

/** The largest number of bytes that is kept. */
const largest = 2n ** 63n - 1n

/** Whether the account's figures can be kept: none has grown beyond what 64 bits hold. */
export function fitsAccount(account: Account): boolean {
  return account.total <= largest && account.panelCounted <= largest && account.panelOffset <= largest
}

/** Whether what a user has counted can be kept. */
export function fitsTenure(tenure: Pick<Tenure, 'counted'>): boolean {
  return tenure.counted <= largest
}

/** What the total consists of: open tenures, ended tenures, and what only the panel witness saw; exactly. */
export function partsOf(account: Pick<Account, 'total' | 'usersCounted' | 'preserved'>): {
  current: bigint
  preserved: bigint
  unattributed: bigint
} {
  return {
    current: account.usersCounted - account.preserved,
    preserved: account.preserved,
    unattributed: account.total - account.usersCounted,
  }
}

function settle<A extends Account>(account: A): A {
  const total = max(account.total, account.usersCounted, account.panelCounted + account.panelOffset)
  const growth = total - account.total
  return { ...account, total, openingBalance: account.openingBalance + (account.opened ? 0n : growth) }
}

function max(first: bigint, ...rest: bigint[]): bigint {
  return rest.reduce((highest, value) => (value > highest ? value : highest), first)
}
