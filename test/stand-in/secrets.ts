import { randomBytes } from 'node:crypto'

/** Part of every secret that the panel hands out: where it turns up in what a service has printed, one has leaked. */
export const canary = 'cAnArY'

/** A new token or password. */
export function makeSecret(): string {
  return canary + randomBytes(24).toString('base64url')
}
