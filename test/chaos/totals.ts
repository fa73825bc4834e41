import type { Journal } from './journal.ts'
import type { Scene } from './scene.ts'

type Account = {
  username: string
  total_traffic: number
  current_traffic: number
  preserved_traffic: number
  unattributed_traffic: number
}

/** What the service says of each admin, held against what it said before and against the truth. */
export class Totals {
  /** How often totals were looked at. */
  samples = 0
  private readonly highest = new Map<string, bigint>()
  private readonly scene: Scene
  private readonly journal: Journal

  constructor(scene: Scene, journal: Journal) {
    this.scene = scene
    this.journal = journal
  }

  /** At any time: no total has fallen, and none is more than has been consumed by now. */
  async sample(): Promise<Map<string, bigint>> {
    const accounts = await this.ask()
    const truth = await this.scene.stage.panel.truth()
    if (accounts.length > 0) this.samples += 1
    for (const account of accounts) {
      const { username, current_traffic, preserved_traffic, unattributed_traffic } = account
      const total = BigInt(account.total_traffic)
      const before = this.highest.get(username) ?? 0n
      const most = truth.get(username) ?? 0n
      if (total < before) this.journal.fault(`the total of ${username} fell from ${before} to ${total}`)
      if (total > most) this.journal.fault(`the total of ${username} is ${total}, the truth ${most}`)
      const parts = BigInt(current_traffic) + BigInt(preserved_traffic) + BigInt(unattributed_traffic)
      if (parts !== total) this.journal.fault(`the parts of ${username} make ${parts}, the total is ${total}`)
      this.highest.set(username, total)
    }
    return truth
  }

  /** When everything has been read: each total is the truth. */
  async atRest(): Promise<void> {
    const truth = await this.sample()
    for (const [admin, bytes] of truth) {
      const total = this.highest.get(admin) ?? 0n
      if (total !== bytes) this.journal.fault(`at rest the total of ${admin} is ${total}, the truth ${bytes}`)
    }
  }

  /** Each admin's total, and the bytes it stands for. */
  figures(): ReadonlyMap<string, bigint> {
    return this.highest
  }

  private async ask(): Promise<Account[]> {
    const { outcome, body } = await this.scene.call('GET', '/admins?limit=100')
    return outcome === '200' ? (body as { items: Account[] }).items : []
  }
}
