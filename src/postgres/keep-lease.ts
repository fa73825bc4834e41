import { setTimeout as delay } from 'node:timers/promises'
import type { BaseLogger } from 'pino'
import type { Cluster } from './layout.ts'
import { acquireLease, type Lease, type LeaseOptions } from './lease.ts'
import { isEnding, stopPostmaster } from './postmaster.ts'

/** How often to look whether the server waits for its own end. */
const lookEveryMs = 1_000

export type EmbeddedLog = Pick<BaseLogger, 'info' | 'warn' | 'error'>

/**
 * Keeps the server running for as long as the service runs. The lease is lost when the server is killed, or when it ends all
 * sessions to recover from a crash. Then this acquires it again, with the server on the port that the service's pool knows.
 * A server that somebody asked to end once its sessions have ended takes no new ones, and the session of the lease never
 * ends: this ends that server at once.
 */
export function keepLease(
  cluster: Cluster,
  first: Lease,
  options: Pick<LeaseOptions, 'settings' | 'now'> & { log: EmbeddedLog },
): { stop(): Promise<void> } {
  const { settings, now, log } = options
  const stopping = new AbortController()
  const { signal } = stopping
  const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
  let held = first
  const kept = keep()
  const hurried = hurryEnds()

  /** Resolves at the stop, with the lease that is held then; undefined: none is. */
  async function keep(): Promise<Lease | undefined> {
    let lease: Lease | undefined = first
    while (lease !== undefined) {
      await Promise.race([lease.lost, stopped])
      if (signal.aborted) return lease
      log.error('The embedded database ended; starting it again.')
      lease = await regain()
      held = lease ?? held
    }
    return undefined
  }

  async function hurryEnds(): Promise<void> {
    const pause = () => delay(lookEveryMs, true, { signal, ref: false }).catch(() => false)
    while (await pause()) {
      const { pid } = held
      if (await isEnding(pid, cluster.data)) await stopPostmaster(pid, cluster.data)
    }
  }

  async function regain(): Promise<Lease | undefined> {
    for (let pauseMs = 100; !signal.aborted; pauseMs = Math.min(pauseMs * 2, 5_000)) {
      try {
        const lease = await acquireLease(cluster, { settings, now, port: first.port, signal })
        if (lease.port === first.port) {
          log.info({ port: lease.port, postmaster: lease.pid }, 'The embedded database is back.')
          return lease
        }
        // Another service started the server meanwhile on another port, and has left.
        await stopPostmaster(lease.pid, cluster.data)
      } catch (error) {
        if (!signal.aborted) log.error(error, 'The embedded database does not start yet; trying again.')
        await delay(pauseMs, undefined, { signal }).catch(() => undefined)
      }
    }
    return undefined
  }

  return {
    async stop() {
      stopping.abort()
      const lease = await kept
      await hurried
      if (lease === undefined) return
      // Without the lease, the server may belong to another service.
      const ours = await leaseIsHeld(lease)
      if (ours && !(await stopPostmaster(lease.pid, cluster.data)))
        log.error(
          { pid: lease.pid },
          'The embedded database does not end; the next start of this service will use it.',
        )
      await lease.session.end().catch(() => undefined)
    },
  }
}

async function leaseIsHeld(lease: Lease): Promise<boolean> {
  return lease.session.query('select 1').then(
    () => true,
    () => false,
  )
}
