import { hash, timingSafeEqual } from 'node:crypto'

/** The SHA-256 of a secret: what may be kept of it. */
export function digest(secret: string): Buffer {
  return hash('sha256', secret, 'buffer')
}

/**
 * Tells whether what is given is `expected`, in constant time: digests have one length, so that not even the secret's can
 * be learnt.
 */
export function sameSecretAs(expected: string): (given: string) => boolean {
  const known = digest(expected)
  return (given) => timingSafeEqual(digest(given), known)
}
