import { localDayOf } from '../../ledger/local-day.ts'

/** Why an account is held, as its admin is told. */
export type HoldNotice = {
  /** At least one. */
  reasons: readonly ('operator' | 'expired' | 'limit')[]
  /** Bytes, of the period that runs; `allowance` null: no limit of traffic. */
  used: bigint
  allowance: bigint | null
  /** When the period ends; null: it does not end. */
  endsAt: Date | null
  /** Until when the account may be served; null: no such time. */
  validUntil: Date | null
  /** The zone whose calendar counts: `Asia/Tehran`; null: UTC. */
  timezone: string | null
}

/** What a held admin gets to read: a sentence for each reason. Only public words: the operator's own reason is not among them. */
export function noticeText(notice: HoldNotice): string {
  return notice.reasons.map((reason) => sentences[reason](notice)).join(' ')
}

const sentences: Record<HoldNotice['reasons'][number], (notice: HoldNotice) => string> = {
  operator: () => 'The operator has suspended this account.',
  expired: ({ validUntil, timezone }) =>
    validUntil
      ? `This account has expired: it was valid until ${dayOf(validUntil, timezone)}.`
      : 'This account has expired.',
  limit: ({ used, allowance, endsAt, timezone }) => {
    const spent = `Traffic limit reached: ${inWords(used)} of ${inWords(allowance ?? 0n)} used`
    return endsAt ? `${spent} in this period, which ends ${dayOf(endsAt, timezone)}.` : `${spent}.`
  },
}

const units = ['kB', 'MB', 'GB', 'TB', 'PB', 'EB']

/** Bytes in the largest decimal unit that fits, rounded down to hundredths: `1.02 TB`. Less than nothing is nothing. */
export function inWords(bytes: bigint): string {
  if (bytes < 1000n) return `${bytes > 0n ? bytes : 0n} B`
  let size = 1000n
  let unit = 0
  while (bytes >= size * 1000n && unit < units.length - 1) {
    size *= 1000n
    unit += 1
  }
  const hundredths = String((bytes * 100n) / size).padStart(3, '0')
  return `${hundredths.slice(0, -2)}.${hundredths.slice(-2)} ${units[unit]}`
}

/** `2026-12-01`. */
function dayOf(instant: Date, timezone: string | null): string {
  const { year, month, day } = localDayOf(instant.getTime(), timezone ?? 'UTC')
  return new Date(Date.UTC(year, month - 1, day)).toISOString().slice(0, 10)
}
