import {
  type Account,
  applyEffect,
  applyPanelReading,
  completeScan,
  effectsOf,
} from '../../src/ledger/account.ts'
import { judgeGone, judgeUser, noteReset, type Tenure, type TenureChange } from '../../src/ledger/tenure.ts'
import type { WorldUser } from './world.ts'

export const emptyAccount: Account = {
  total: 0n,
  usersCounted: 0n,
  preserved: 0n,
  panelCounted: 0n,
  panelReading: null,
  panelAnswered: 0n,
  panelOffset: 0n,
  snapshot: null,
  openingBalance: 0n,
  opened: false,
}

/** The ledger's arithmetic over plain maps, as the store drives it. */
export class Books {
  accounts = new Map<bigint, Account>()
  tenures: Tenure[] = []
  growth = new Map<bigint, bigint>()
  private tick = 0n
  private admins: readonly string[]
  private lagMs: number

  constructor(admins: readonly string[], lagMs: number) {
    this.admins = admins
    this.lagMs = lagMs
    admins.forEach((_, index) => {
      this.accounts.set(BigInt(index), emptyAccount)
    })
  }

  draw(): bigint {
    this.tick += 1n
    return this.tick
  }

  idOf(admin: string | null): bigint | null {
    return admin === null ? null : BigInt(this.admins.indexOf(admin))
  }

  account(admin: string): Account {
    return this.accounts.get(this.idOf(admin) ?? -1n) ?? emptyAccount
  }

  private put(id: bigint, account: Account): void {
    const before = this.accounts.get(id) ?? emptyAccount
    const booked = account.total - before.total - (account.openingBalance - before.openingBalance)
    this.growth.set(id, (this.growth.get(id) ?? 0n) + booked)
    this.accounts.set(id, account)
  }

  /** Returns whether the reading was accepted. */
  seeUser(user: WorldUser, asked: bigint): boolean {
    const known = this.tenures.filter(
      (tenure) =>
        tenure.username === user.name && (tenure.createdAt === user.createdAt || tenure.endedBy === null),
    )
    const seen = {
      username: user.name,
      createdAt: user.createdAt,
      adminId: this.idOf(user.owner),
      lifetime: user.lifetime,
      status: 'active',
      dataLimit: null,
      expire: null,
    }
    const changes = judgeUser(known, seen, { asked, answered: this.draw() })
    if (!changes) return false
    this.apply(changes)
    return true
  }

  seeGone(name: string, asked: bigint): void {
    const open = this.tenures.filter((tenure) => tenure.username === name && tenure.endedBy === null)
    this.apply(judgeGone(open, { asked, answered: this.draw() }))
  }

  /** What the service notes after the panel has deleted a user for it. */
  endDeleted(name: string, createdAt: string): void {
    const asked = this.draw()
    const open = this.tenures.filter(
      (tenure) => tenure.username === name && tenure.createdAt === createdAt && tenure.endedBy === null,
    )
    this.apply(judgeGone(open, { asked, answered: this.draw() }, 'service'))
  }

  /** What the service notes when the panel has said that it set back the counters of these users, or of all. */
  noteReset(admin: string | null, since: bigint, asked: bigint): void {
    const answered = this.draw()
    this.tenures = this.tenures.map((tenure) => {
      const isRead = tenure.endedBy === null && tenure.answered > since && tenure.answered < asked
      const isOne = admin === null || tenure.adminId === this.idOf(admin)
      return isRead && isOne ? noteReset(tenure, answered) : tenure
    })
  }

  private apply(changes: TenureChange[]): void {
    for (const { before, after } of changes) {
      if (before) this.tenures[this.tenures.indexOf(before)] = after
      else this.tenures.push(after)
    }
    for (const [id, effect] of effectsOf(changes)) {
      this.put(id, applyEffect(this.accounts.get(id) ?? emptyAccount, effect))
    }
  }

  seeUsage(admin: string, value: bigint, asked: bigint, askedAt: number): void {
    const id = this.idOf(admin) ?? -1n
    const { snapshot } = this.account(admin)
    const lagHasPassed = snapshot !== null && askedAt - snapshot.at >= this.lagMs
    const after = applyPanelReading(
      this.account(admin),
      value,
      { asked, answered: this.draw() },
      lagHasPassed,
    )
    if (after) this.put(id, after)
  }

  finishScan(admin: string, at: number): void {
    this.put(this.idOf(admin) ?? -1n, completeScan(this.account(admin), at, true))
  }

  counted(admin: string, ended: boolean): bigint {
    return this.tenures
      .filter((tenure) => tenure.adminId === this.idOf(admin) && (tenure.endedBy !== null) === ended)
      .reduce((sum, tenure) => sum + tenure.counted, 0n)
  }
}
