import type { FastifyRequest } from 'fastify'
import { isLedgerError, LedgerError } from '../../errors.ts'
import type { Caller } from '../../work/callers/caller.ts'
import type { App } from '../app-type.ts'

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
  const crowds = new Map<string, Crowd>()

  return async (request, identify) => {
    for (;;) {
      const standing = await failures(request, { increment: false })
      if (standing.isAllowed) return identify()
      const crowd = crowds.get(standing.key) ?? { underWay: 0, waiting: [] }
      if (standing.remaining > 0 && crowd.underWay >= standing.remaining) {
        await new Promise<void>((resolve) => crowd.waiting.push(resolve))
        continue
      }
      crowds.set(standing.key, crowd)
      crowd.underWay += 1
      try {
        if (standing.remaining === 0) throw tooMany(standing.ttlInSeconds)
        return await identify()
      } catch (error) {
        if (isLedgerError(error, 'unauthenticated')) await failures(request)
        throw error
      } finally {
        crowd.underWay -= 1
        // One at a time: to wake them all would make each look again for each that is done.
        crowd.waiting.shift()?.()
        if (crowd.underWay === 0 && crowd.waiting.length === 0) crowds.delete(standing.key)
      }
    }
  }
}

/** The attempts of one address. */
type Crowd = { underWay: number; waiting: (() => void)[] }

function tooMany(retryAfter: number): LedgerError {
  return new LedgerError(
    'rate_limited',
    `Too many failed authentications from this address; try again in ${retryAfter} seconds.`,
    { retryAfter },
  )
}
