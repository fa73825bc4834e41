import { advance, type Fall, isLater, noteFall, type Ticks } from './counter.ts'
import { countedByAppearing, isAppearance, type Tenure, type TenureChange } from './tenure.ts'

/** What is kept per admin. All figures are bytes. */
export type Account = {
  /** All bytes that both witnesses together prove. It never decreases. */
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
  /** The last fall of `users_usage`, until it comes back to where it fell from; null: none. */
  panelFall: Fall | null
  /** What U has proven beyond C. */
  panelOffset: bigint
  /** What C has proven beyond U: bytes that no reading of a user will show any more. */
  usersOffset: bigint
  /** The tick at which the last complete scan of the admin's users began; 0: there was none. */
  scanned: bigint
  /** The tick at which it ended. */
  scanEnded: bigint
  /** When the panel showed it those users that had not changed, at the earliest: milliseconds since 1970 by the panel's clock. */
  scanSeenAt: number | null
  /** The `users_usage` that was known then; null: none. */
  scannedReading: bigint | null
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
export type AccountEffect = {
  counted: bigint
  /** The part of them that users brought along when they appeared. */
  appeared: bigint
  /** Users that appeared. */
  appearances: number
  preserved: bigint
  users: Map<string, number>
}

/** Sums what `changes` do to each account; tenures without an owner have none. */
export function effectsOf(changes: readonly TenureChange[]): Map<bigint, AccountEffect> {
  const effects = new Map<bigint, AccountEffect>()
  for (const change of changes) {
    const { before, after } = change
    if (after.adminId === null) continue
    let effect = effects.get(after.adminId)
    if (!effect) {
      effect = { counted: 0n, appeared: 0n, appearances: 0, preserved: 0n, users: new Map() }
      effects.set(after.adminId, effect)
    }
    effect.counted += after.counted - (before?.counted ?? 0n)
    effect.appeared += countedByAppearing(change)
    effect.appearances += isAppearance(change) ? 1 : 0
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

/**
 * The account after its tenures changed.
 *
 * A user that appears can bring bytes that `usersOffset` already has. Examples: a backup of the panel brings back a user that
 * was deleted before we saw it; a user belonged to another admin while the scan ran. So the offset gives up as many bytes as
 * these users bring. If that was too much, the next complete scan proves the bytes again.
 */
export function applyEffect<A extends Account>(account: A, effect: AccountEffect): A {
  return settle({
    ...account,
    usersCounted: account.usersCounted + effect.counted,
    usersOffset: max(0n, account.usersOffset - effect.appeared),
    preserved: account.preserved + effect.preserved,
  })
}

/**
 * The account after a reading of the admin's `users_usage`. First sight counts the whole reading.
 *
 * A snapshot is compared with C only if the reading was asked for after the panel's lag. The panel books a user's bytes first,
 * and the admin's in a second transaction. An earlier C lacks bytes that the snapshot has. They would count twice when they
 * arrive.
 *
 * @param lagHasPassed whether the panel had booked all bytes of the snapshot before it was asked.
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
    panelFall: noteFall(account.panelFall, counter.reading, value),
    panelOffset: due
      ? max(account.panelOffset, snapshot.value + account.usersOffset - next.counted)
      : account.panelOffset,
    snapshot: due ? null : snapshot,
  })
}

/** A complete scan: every user of the admin was read by a question asked after it began. */
export type CompleteScan = {
  /** The tick drawn before its first question. */
  begun: bigint
  /** The tick drawn when all users had been read. */
  ended: bigint
  /** See {@link Account.scanSeenAt}; null: it stored something of each user. */
  seenAt: number | null
  /** The panel witness as it was before the scan began. */
  panelBefore: Pick<Account, 'panelCounted' | 'panelReading'>
  /** When it ended: milliseconds since 1970 by the database's clock. */
  at: number
}

/**
 * The account after a complete scan of the admin's users.
 *
 * C counted some bytes before the scan that no user shows at its end. No user will ever show them: their users were deleted,
 * moved or reset. They become `usersOffset`. This side needs no wait: the panel books a user's bytes before the admin's, so all
 * bytes of C stood in the users' counters when the scan read them. Later readings add only newer bytes, and older answers
 * that would make a user appear are dropped (see `isOutdated`).
 *
 * U becomes the snapshot, and the opening balance closes. A snapshot that still waits for its comparison stays: a new one at
 * every scan could delay the comparison for ever.
 */
export function completeScan<A extends Account>(account: A, scan: CompleteScan): A {
  const { begun, ended, seenAt, panelBefore, at } = scan
  return settle({
    ...openAccount(account),
    usersOffset: max(
      account.usersOffset,
      panelBefore.panelCounted + account.panelOffset - account.usersCounted,
    ),
    scanned: max(account.scanned, begun),
    scanEnded: ended,
    scanSeenAt: isLater(begun, account.scanned) ? seenAt : account.scanSeenAt,
    scannedReading: panelBefore.panelReading,
    snapshot: account.snapshot ?? { value: account.usersCounted, at },
  })
}

/**
 * The account after a scan that could not read every user. Such a scan proves nothing about all users together. The opening
 * balance still closes: one odd user could keep it open for ever. Bytes that such a user shows later are growth of that time.
 */
export function openAccount<A extends Account>(account: A): A {
  return { ...account, opened: true }
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
  const total = max(
    account.total,
    account.usersCounted + account.usersOffset,
    account.panelCounted + account.panelOffset,
  )
  const growth = total - account.total
  return { ...account, total, openingBalance: account.openingBalance + (account.opened ? 0n : growth) }
}

function max(first: bigint, ...rest: bigint[]): bigint {
  return rest.reduce((highest, value) => (value > highest ? value : highest), first)
}
