import { hash, timingSafeEqual } from 'node:crypto'

/** The SHA-256 of a secret. Keep this instead of the secret. */
export function digest(secret: string): Buffer {
  return hash('sha256', secret, 'buffer')
}

/** Compares texts with `expected` in constant time. Digests all have one length, so even the secret's length stays secret. */
export function sameSecretAs(expected: string): (given: string) => boolean {
  const known = digest(expected)
  return (given) => timingSafeEqual(digest(given), known)
}
