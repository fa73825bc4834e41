import { createHash, timingSafeEqual } from 'node:crypto'

/** The SHA-256 of a secret: what may be kept of it. */
export function digest(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}

/** Compares in constant time: digests have one length, so that not even the secret's can be learnt. */
export function isSameSecret(given: string, expected: string): boolean {
  return timingSafeEqual(digest(given), digest(expected))
}
