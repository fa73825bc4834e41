import { LedgerError } from '../../errors.ts'

/** The right to use one of the connections to the panel. */
export type Turn = {
  /** Gives the connection back. A second call does nothing. */
  end(): void
  /**
   * Says that the answer now waits only for its client. When the client is slow and others wait for a connection, `cut` is
   * called, and ends this.
   */
  mayBeCut(cut: () => void): void
}

export type Turns = {
  /**
   * Waits for a connection.
   *
   * @param signal ends the waiting.
   * @throws `overloaded` when no connection is free in time; the signal's reason.
   */
  take(signal?: AbortSignal): Promise<Turn>
}

export type TurnsOptions = {
  /** How many connections there are. */
  atOnce: number
  /** Milliseconds that a request may wait. While others wait, a client gets half of them to read its answer. */
  waitMs: number
  /** Milliseconds; only differences matter. */
  now?: () => number
}

type Waiting = { start(): void }
type Slow = { since: number; cut: () => void }

/**
 * Hands out connections to the panel, first come, first served. undici has a queue too, but without a limit of time: one
 * client that holds all connections would keep all others waiting.
 */
export function createTurns({ atOnce, waitMs, now = () => performance.now() }: TurnsOptions): Turns {
  const waiting = new Set<Waiting>()
  /** The turns that wait for their clients, the longest first. */
  const slow = new Set<Slow>()
  let free = atOnce

  const begin = (): Turn => {
    let mine: Slow | null = null
    let ended = false
    return {
      mayBeCut(cut) {
        if (ended || mine) return
        mine = { since: now(), cut }
        slow.add(mine)
      },
      end() {
        if (ended) return
        ended = true
        if (mine) slow.delete(mine)
        const [next] = waiting
        if (next) next.start()
        else free += 1
      },
    }
  }

  /** @returns how many milliseconds the slowest still has; 0: it was cut, or there is none. */
  const cutSlowest = (): number => {
    const [slowest] = slow
    if (!slowest) return 0
    const left = slowest.since + waitMs / 2 - now()
    if (left > 0) return left
    slow.delete(slowest)
    slowest.cut()
    return 0
  }

  const wait = (signal: AbortSignal | undefined): Promise<Turn> => {
    const { promise, resolve, reject } = Promise.withResolvers<Turn>()
    const end = () => {
      waiting.delete(me)
      clearTimeout(half)
      clearTimeout(whole)
      signal?.removeEventListener('abort', aborted)
    }
    const me = {
      start: () => {
        end()
        resolve(begin())
      },
    }
    const aborted = () => {
      end()
      reject(signal?.reason)
    }
    const look = (): void => {
      const left = cutSlowest()
      // It became slow only after this one had begun to wait.
      if (left > 0) half = setTimeout(look, left)
    }
    let half = setTimeout(look, waitMs / 2)
    const whole = setTimeout(() => {
      end()
      reject(tooMany())
    }, waitMs)
    waiting.add(me)
    signal?.addEventListener('abort', aborted, { once: true })
    cutSlowest()
    return promise
  }

  return {
    async take(signal) {
      signal?.throwIfAborted()
      if (free === 0) return wait(signal)
      free -= 1
      return begin()
    },
  }
}

function tooMany(): LedgerError {
  return new LedgerError('overloaded', 'All connections to the panel are in use; ask again later.', {
    retryAfter: 5,
    unsent: true,
  })
}
