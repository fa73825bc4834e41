import type { FastifyRequest } from 'fastify'
import { isLedgerError, LedgerError } from '../../errors.ts'
import type { Caller } from '../../work/callers/caller.ts'
import type { App } from '../app-type.ts'

/** At most `max` failed authentications per address within `windowMs` milliseconds. */
export type FailureLimit = { max: number; windowMs: number }

/**
 * Identifies the caller of `request`, unless its address has failed too often.
 *
 * @throws `rate_limited`, without a call of `identify`; the errors of `identify`.
 */
export type LimitFailures = (request: FastifyRequest, identify: () => Promise<Caller>) => Promise<Caller>

/**
 * Counts failed authentications per client address. Good calls do not count. It checks only so many unproven credentials at
 * the same time as the address may still get wrong, so that even a burst shows the panel no more wrong tokens.
 */
export function limitFailures(app: App, { max, windowMs }: FailureLimit): LimitFailures {
  const failures = app.createRateLimit({ max, timeWindow: windowMs })
  const attemptsOf = new Map<string, Attempts>()

  return async (request, identify) => {
    for (;;) {
      const standing = await failures(request, { increment: false })
      if (standing.isAllowed) return identify()
      const attempts = attemptsOf.get(standing.key) ?? { underWay: 0, waiting: [] }
      if (standing.remaining > 0 && attempts.underWay >= standing.remaining) {
        await new Promise<void>((resolve) => attempts.waiting.push(resolve))
        continue
      }
      attemptsOf.set(standing.key, attempts)
      attempts.underWay += 1
      try {
        if (standing.remaining === 0) throw tooMany(standing.ttlInSeconds)
        return await identify()
      } catch (error) {
        if (isLedgerError(error, 'unauthenticated')) await failures(request)
        throw error
      } finally {
        attempts.underWay -= 1
        // One at a time: otherwise each waiting attempt would check again after each one that ends.
        attempts.waiting.shift()?.()
        if (attempts.underWay === 0 && attempts.waiting.length === 0) attemptsOf.delete(standing.key)
      }
    }
  }
}

/** The attempts of one address. */
type Attempts = { underWay: number; waiting: (() => void)[] }

function tooMany(retryAfter: number): LedgerError {
  return new LedgerError(
    'rate_limited',
    `Too many failed authentications from this address; try again in ${retryAfter} seconds.`,
    { retryAfter },
  )
}
