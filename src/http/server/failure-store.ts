import type { FastifyRateLimitStore } from '@fastify/rate-limit'

/** A flood of addresses must not fill the memory. */
const rememberedAtMost = 5_000

type Failures = { current: number; until: number }
type Answer = Parameters<FastifyRateLimitStore['incr']>[1]

/**
 * Counts per address, by a clock that nobody sets. The plugin's own store goes by the clock of the machine: when that is set
 * back by an hour, an address with too many failures is locked out for an hour more.
 */
export class FailureStore implements FastifyRateLimitStore {
  readonly #failuresOf = new Map<string, Failures>()

  incr(address: string, answer: Answer, windowMs: number): void {
    const now = performance.now()
    const { current, until } = this.#known(address, now) ?? { current: 0, until: now + windowMs }
    this.#failuresOf.delete(address)
    const [oldest] = this.#failuresOf.keys()
    if (this.#failuresOf.size >= rememberedAtMost && oldest !== undefined) this.#failuresOf.delete(oldest)
    this.#failuresOf.set(address, { current: current + 1, until })
    answer(null, { current: current + 1, ttl: until - now })
  }

  /** The same without counting. */
  read(address: string, answer: Answer): void {
    const now = performance.now()
    const known = this.#known(address, now)
    answer(null, { current: known?.current ?? 0, ttl: known ? known.until - now : 0 })
  }

  child(): FailureStore {
    return new FailureStore()
  }

  #known(address: string, now: number): Failures | undefined {
    const known = this.#failuresOf.get(address)
    return known && known.until > now ? known : undefined
  }
}
