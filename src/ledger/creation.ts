const noFraction = '.000000'

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

/**
 * Under which of the times of creation that are `known` of a name the user is kept that the panel says was created at
 * `seen`: the latest of them, should the panel have lost the difference; `seen` itself for a user that is new.
 */
export function creationOf(known: readonly { createdAt: string }[], seen: string): string {
  const same = known.map(({ createdAt }) => createdAt).filter((createdAt) => isSameCreation(createdAt, seen))
  return same.includes(seen) ? seen : (same.sort().at(-1) ?? seen)
}

/** Whole seconds only: a Date has no microseconds to keep. */
function secondAfter(second: string): string {
  const next = new Date(Date.parse(`${second.replace(' ', 'T')}Z`) + 1_000)
  return next.toISOString().slice(0, 19).replace('T', ' ')
}
