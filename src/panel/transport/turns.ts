import { LedgerError } from '../../errors.ts'

/** A connection to the panel, as far as anybody may have one at this moment. */
export type Turn = {
  /** Gives the connection back; safe to call again. */
  end(): void
  /**
   * From now on only the client is waited for: `cut` ends that, and is called when the client takes its time while others
   * wait for a connection.
   */
  mayBeCut(cut: () => void): void
}

export type Turns = {
  /**
   * Waits for a connection.
   *
   * @param signal ends the waiting.
   * @throws `overloaded` when none was free in time; the signal's reason.
   */
  take(signal?: AbortSignal): Promise<Turn>
}

export type TurnsOptions = {
  /** How many connections there are. */
  atOnce: number
  /** Milliseconds after which who waits is told to come back. A client gets half of them to take its answer while others wait. */
  waitMs: number
  /** Milliseconds; only differences matter. */
  now?: () => number
}

type Waiting = { start(): void }
type Slow = { since: number; cut: () => void }

/**
 * Hands out connections to the panel, first come, first served. undici queues as well, but for as long as it takes: a
 * stranger that holds all connections would keep everybody waiting.
 */
export function createTurns({ atOnce, waitMs, now = () => performance.now() }: TurnsOptions): Turns {
  const waiting = new Set<Waiting>()
  /** In the order in which they began to wait for their clients. */
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

  const cutSlowest = (): void => {
    const [slowest] = slow
    if (slowest && now() - slowest.since >= waitMs / 2) {
      slow.delete(slowest)
      slowest.cut()
    }
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
    const half = setTimeout(cutSlowest, waitMs / 2)
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
  return new LedgerError(
    'overloaded',
    'The panel is being sent as many requests at once as it may be; ask again later.',
    { retryAfter: 5, unsent: true },
  )
}
