import type { Account } from './account.ts'
import { hasReturned } from './counter.ts'
import type { TenureChange } from './tenure.ts'

/**
 * Why counted bytes look wrong. They count as the panel says.
 *
 * - `counter_returned`: a counter that had fallen is back where it was, all at once.
 * - `too_fast`: a user gained more than its line could carry since its last reading.
 * - `never_booked`: a new user brought more bytes than its admin's counter grew by.
 */
export const suspicionReasons = ['counter_returned', 'too_fast', 'never_booked'] as const
export type SuspicionReason = (typeof suspicionReasons)[number]

export type Suspicion = {
  reason: SuspicionReason
  adminId: bigint
  /** Null: the admin's own counter. */
  username: string | null
  /** What was counted. */
  bytes: bigint
  /** What the counter showed before, and shows now, in bytes. */
  before: bigint
  after: bigint
}

/** 10 Gbit/s. */
const bytesPerSecondAtMost = 1_250_000_000n
/** The panel books what was consumed within this time at once. */
const bookingMs = 10_000

/**
 * What is suspicious about a stored change of a user's tenure; null: nothing.
 *
 * @param account the user's, as it was before.
 * @param usage the `users_usage` of the user's owner in the same answer; null: the panel keeps none.
 */
export function suspicionOfUser(
  { before, after }: TenureChange,
  account: Account,
  usage: bigint | null,
): Suspicion | null {
  if (after.adminId === null) return null
  const counted = after.counted - (before?.counted ?? 0n)
  if (counted === 0n) return null
  const last = before?.reading ?? 0n
  const reason = before ? reasonOfRise(before, after) : hidesPast(counted, account, usage)
  return (
    reason && {
      reason,
      adminId: after.adminId,
      username: after.username,
      bytes: counted,
      before: last,
      after: after.reading,
    }
  )
}

function reasonOfRise(
  before: NonNullable<TenureChange['before']>,
  after: TenureChange['after'],
): SuspicionReason | null {
  if (after.reading <= before.reading) return null
  if (hasReturned(before.fall, before.reading, after.reading)) return 'counter_returned'
  if (before.seenAt === null || after.seenAt === null) return null
  const ms = BigInt(Math.max(0, after.seenAt - before.seenAt) + bookingMs)
  return (after.reading - before.reading) * 1_000n > bytesPerSecondAtMost * ms ? 'too_fast' : null
}

/** Before the first complete scan, every user brings its past. */
function hidesPast(counted: bigint, account: Account, usage: bigint | null): SuspicionReason | null {
  const { scannedReading } = account
  // After a fall, nobody knows how far the counter had come.
  if (!account.opened || usage === null || scannedReading === null || usage < scannedReading) return null
  return counted > usage - scannedReading ? 'never_booked' : null
}

/** The same of a reading of an admin's own counter. */
export function suspicionOfAdmin(adminId: bigint, before: Account, after: Account): Suspicion | null {
  const last = before.panelReading ?? 0n
  const now = after.panelReading ?? 0n
  if (!hasReturned(before.panelFall, last, now)) return null
  return { reason: 'counter_returned', adminId, username: null, bytes: now - last, before: last, after: now }
}
