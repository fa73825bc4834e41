import { createPanelLag, type PanelLag } from '../../src/work/observing/panel-lag.ts'
import type { SimDatabase } from './database.ts'

/** A replica for as long as it lives: its session, as others see whether it is alive, and what it remembers. */
type Replica = { pid: number; worker: string; panelLag: PanelLag }

/** The replicas that are alive. */
export class Replicas {
  private readonly alive = new Map<number, Replica>()
  private pids = 0
  private readonly database: SimDatabase
  private readonly lag: { ms: number; now: () => number }

  constructor(database: SimDatabase, lag: { ms: number; now: () => number }) {
    this.database = database
    this.lag = lag
  }

  numbers(): number[] {
    return [...this.alive.keys()]
  }

  /** The replica of this number, started if it is not alive. */
  async get(number: number): Promise<Replica> {
    const known = this.alive.get(number)
    if (known) return known
    this.pids += 1
    const worker = await this.database.openSession(this.pids)
    const replica = { pid: this.pids, worker, panelLag: createPanelLag(this.lag.ms, this.lag.now) }
    this.alive.set(number, replica)
    return replica
  }

  async end(number: number): Promise<void> {
    const replica = this.alive.get(number)
    if (replica) await this.database.closeSession(replica.pid)
    this.alive.delete(number)
  }
}
