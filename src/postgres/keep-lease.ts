import { setTimeout as delay } from 'node:timers/promises'
import type { BaseLogger } from 'pino'
import type { Cluster } from './layout.ts'
import { type Seat, type SeatOptions, takeSeat } from './lease.ts'
import { stopPostmaster } from './postmaster.ts'

export type EmbeddedLog = Pick<BaseLogger, 'info' | 'warn' | 'error'>

/**
 * Keeps the server running for as long as the service does: whenever the seat is lost (the server was killed, or threw
 * all sessions out to recover from a crash), it is taken again, starting the server on the port that the service's pool knows.
 */
export function keepSeat(
  cluster: Cluster,
  first: Seat,
  options: { settings: SeatOptions['settings']; log: EmbeddedLog },
): { stop(): Promise<void> } {
  const { settings, log } = options
  const stopping = new AbortController()
  const { signal } = stopping
  const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
  const kept = keep()

  /** Returns the seat that was held when the stop came; undefined when there was none. */
  async function keep(): Promise<Seat | undefined> {
    let seat: Seat | undefined = first
    while (seat !== undefined) {
      await Promise.race([seat.lost, stopped])
      if (signal.aborted) return seat
      log.error('The embedded database went away; bringing it back.')
      seat = await regain()
    }
    return undefined
  }

  async function regain(): Promise<Seat | undefined> {
    for (let pauseMs = 100; !signal.aborted; pauseMs = Math.min(pauseMs * 2, 5_000)) {
      try {
        const seat = await takeSeat(cluster, { settings, port: first.port, signal })
        if (seat.port === first.port) {
          log.info({ port: seat.port, pid: seat.pid }, 'The embedded database is back.')
          return seat
        }
        // Another service started the server while we were out, and has left: the seat is ours, the port is not.
        await stopPostmaster(seat.pid, cluster.data)
      } catch (error) {
        if (!signal.aborted) log.error(error, 'The embedded database did not come back yet; trying again.')
        await delay(pauseMs, undefined, { signal }).catch(() => undefined)
      }
    }
    return undefined
  }

  return {
    async stop() {
      stopping.abort()
      const seat = await kept
      if (seat === undefined) return
      // Without the seat, the server may be another service's by now.
      const ours = await seatIsHeld(seat)
      if (ours && !(await stopPostmaster(seat.pid, cluster.data)))
        log.error({ pid: seat.pid }, 'The embedded database does not end; the next start will take it over.')
      await seat.session.end().catch(() => undefined)
    },
  }
}

async function seatIsHeld(seat: Seat): Promise<boolean> {
  return seat.session.query('select 1').then(
    () => true,
    () => false,
  )
}
