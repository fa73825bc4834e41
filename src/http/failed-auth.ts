import type { FastifyRequest } from 'fastify'
import { isLedgerError, LedgerError } from '../errors.ts'
import type { Caller } from '../work/callers.ts'
import type { App } from './types.ts'

/** How many failed authentications an address may make in how many milliseconds. */
export type FailureLimit = { max: number; windowMs: number }

/**
 * Identifies the caller of `request` unless its address has failed too often lately.
 *
 * @throws `rate_limited`, without `identify` having been called; whatever `identify` throws.
 */
export type LimitFailures = (request: FastifyRequest, identify: () => Promise<Caller>) => Promise<Caller>

/**
 * Counts failed authentications per client address. Only failures count, so that an address may make any number of
 * good calls; and as many unproven credentials are being looked at together as the address may still get wrong, so
 * that not even a burst shows the panel more wrong tokens than that.
 */
export function limitFailures(app: App, { max, windowMs }: FailureLimit): LimitFailures {
  const failures = app.createRateLimit({ max, timeWindow: windowMs })
  const underWay = new Map<string, Set<Promise<unknown>>>()

  return async (request, identify) => {
    for (;;) {
      const standing = await failures(request, { increment: false })
      if (standing.isAllowed) return identify()
      if (standing.remaining === 0) throw tooMany(standing.ttlInSeconds)
      const others = underWay.get(standing.key) ?? new Set()
      if (others.size < standing.remaining) {
        underWay.set(standing.key, others)
        const attempt = identify().catch(async (error: unknown) => {
          if (isLedgerError(error, 'unauthenticated')) await failures(request)
          throw error
        })
        others.add(attempt)
        try {
          return await attempt
        } finally {
          others.delete(attempt)
          if (others.size === 0) underWay.delete(standing.key)
        }
      }
      await Promise.race(others).catch(() => {})
    }
  }
}

function tooMany(retryAfter: number): LedgerError {
  return new LedgerError(
    'rate_limited',
    `Too many failed authentications from this address; try again in ${retryAfter} seconds.`,
    { retryAfter },
  )
}
