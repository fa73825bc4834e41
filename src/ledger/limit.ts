/** What an account may consume in one period, all in bytes. */
export type Allowance = {
  /** Null: no limit of traffic. */
  trafficLimit: bigint | null
  /** The sum of the grants of the period that are not revoked; corrections make it negative. */
  granted: bigint
  /** What the period before has left (positive) or owes (negative). */
  carried: bigint
}

/** What an account has consumed in one period, in bytes, against what it may. */
export type Usage = {
  used: bigint
  /** Null: no limit of traffic. */
  allowance: bigint | null
  /** What is left; 0 beyond the allowance; null without a limit. */
  remaining: bigint | null
  /** By how much the allowance is exceeded; 0 below it. */
  overshoot: bigint
  /** Whole percent, rounded down; null without a limit. Of an allowance of nothing everything is used: 100. */
  usedPercent: bigint | null
}

export type LimitState = 'ok' | 'warned' | 'exceeded' | 'expired'

/** What is announced once: `warned` at a percentage, `exceeded`, `expired`. */
export type Crossing = { kind: 'warned'; threshold: number } | { kind: 'exceeded' } | { kind: 'expired' }

/** What of a period's balance goes into the next one. */
export type CarryOver = 'none' | 'debt' | 'all'

/** The largest number of bytes that is kept: no total comes beyond it. */
const largest = 2n ** 63n - 1n

/** What the account may consume; null: no limit. Debts and corrections can leave less than nothing. */
export function allowanceOf({ trafficLimit, granted, carried }: Allowance): bigint | null {
  return trafficLimit === null ? null : kept(trafficLimit + granted + carried)
}

/** Daily limits that nobody uses can add up beyond what is kept. What is cut off, no account can ever use. */
function kept(bytes: bigint): bigint {
  return bytes > largest ? largest : bytes < -largest ? -largest : bytes
}

/**
 * @param total the account's total now.
 * @param totalAtStart its total when the period began.
 */
export function usageOf(total: bigint, totalAtStart: bigint, allowed: Allowance): Usage {
  const used = total - totalAtStart
  const allowance = allowanceOf(allowed)
  if (allowance === null) return { used, allowance, remaining: null, overshoot: 0n, usedPercent: null }
  return {
    used,
    allowance,
    remaining: used < allowance ? allowance - used : 0n,
    overshoot: used > allowance ? kept(used - allowance) : 0n,
    usedPercent: allowance > 0n ? (used * 100n) / allowance : 100n,
  }
}

/**
 * All that an account has crossed: percentages in ascending order, then the allowance, then the end of its validity.
 *
 * @param warnAt percentages from 1 to 99, ascending.
 * @param isExpired whether the time until which the account may be served is over.
 */
export function crossingsOf(
  { used, allowance }: Pick<Usage, 'used' | 'allowance'>,
  warnAt: readonly number[],
  isExpired: boolean,
): Crossing[] {
  const crossings: Crossing[] = []
  if (allowance !== null) {
    for (const threshold of warnAt) {
      if (used * 100n >= allowance * BigInt(threshold)) crossings.push({ kind: 'warned', threshold })
    }
    if (used >= allowance) crossings.push({ kind: 'exceeded' })
  }
  if (isExpired) crossings.push({ kind: 'expired' })
  return crossings
}

/** The state that crossings amount to: the gravest. */
export function stateOf(crossings: readonly Crossing[]): LimitState {
  return crossings.at(-1)?.kind ?? 'ok'
}

/**
 * The total at which something more is crossed than at the present one; null: nothing that a total can come to.
 *
 * @param total the account's total now.
 * @param totalAtStart its total when the period began.
 */
export function nextCrossing(
  total: bigint,
  totalAtStart: bigint,
  allowance: bigint | null,
  warnAt: readonly number[],
): bigint | null {
  if (allowance === null) return null
  // The first whole byte at which `used * 100 >= allowance * percent`. A negative allowance is crossed already.
  const crossed = [...warnAt, 100].map((percent) => totalAtStart + (allowance * BigInt(percent) + 99n) / 100n)
  return crossed.find((at) => at > total && at <= largest) ?? null
}

/** Bytes that the next period begins with: left over (positive), or owed (negative). */
export function carryOver({ used, allowance }: Pick<Usage, 'used' | 'allowance'>, rule: CarryOver): bigint {
  if (allowance === null || rule === 'none') return 0n
  const balance = kept(allowance - used)
  return rule === 'debt' && balance > 0n ? 0n : balance
}
