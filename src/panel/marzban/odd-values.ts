/** A value that the ledger cannot use. The message says why. It repeats no value: that may be a secret. */
export class Odd extends Error {}

/** The largest number that a `bigint` column holds. */
const largest = 2n ** 63n - 1n

/** The longest status of a user that is kept, in characters; Marzban's own have at most eight. */
export const longestStatus = 64

/**
 * A number of bytes, exactly. 5.0 is the same number as 5; 5.5 is not a number of bytes.
 *
 * @returns what is wrong with anything else.
 */
export function byteCount(value: unknown): bigint | { problem: string } {
  if (value === undefined) return { problem: 'is missing' }
  if (typeof value !== 'number' && typeof value !== 'bigint') return { problem: 'is no number' }
  if (value < 0) return { problem: 'is negative' }
  if (typeof value === 'bigint') return value <= largest ? value : { problem: 'is larger than 2^63 - 1' }
  if (Number.isSafeInteger(value)) return BigInt(value)
  return {
    problem: value > Number.MAX_SAFE_INTEGER ? 'is too large to be read exactly' : 'is no whole number',
  }
}

/** A number that is only shown. To Marzban 0 means "no limit" or "never"; its older versions stored it so. */
export function countOrNull(value: unknown): bigint | null {
  const count = byteCount(value)
  return typeof count === 'bigint' && count > 0n ? count : null
}

/** Why PostgreSQL cannot hold a name; null: it can, however long the name is. */
export function nameProblem(name: string): string | null {
  if (name === '') return 'is empty'
  if (name.includes('\0')) return 'holds the character U+0000'
  return name.isWellFormed() ? null : 'holds half a character'
}
