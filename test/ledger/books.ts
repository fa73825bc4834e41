import {
  type Account,
  applyEffect,
  applyPanelReading,
  type CompleteScan,
  completeScan,
  effectsOf,
} from '../../src/ledger/account.ts'
import { asScanSaw } from '../../src/ledger/scan-sight.ts'
import { isOutdated, judgeGone, judgeUser, type Tenure, type TenureChange } from '../../src/ledger/tenure.ts'
import type { WorldUser } from './world.ts'

export const emptyAccount: Account = {
  total: 0n,
  usersCounted: 0n,
  preserved: 0n,
  panelCounted: 0n,
  panelReading: null,
  panelAnswered: 0n,
  panelFall: null,
  panelOffset: 0n,
  usersOffset: 0n,
  scanned: 0n,
  scanEnded: 0n,
  scanSeenAt: null,
  scannedReading: null,
  snapshot: null,
  openingBalance: 0n,
  opened: false,
}

/** A tenure, and the tick at which its last reading was asked for. */
export type BooksTenure = Tenure & { id: number; asked: bigint }

/** A scan under way. It keeps for itself whom it saw unchanged, if the one before was complete. */
export type BooksScan = Pick<CompleteScan, 'begun' | 'panelBefore'> & {
  unchanged: Set<number>
  seenAt: number | null
  isRepeated: boolean
}

/** The ledger's arithmetic over plain maps, as the store drives it. */
export class Books {
  accounts = new Map<bigint, Account>()
  tenures: BooksTenure[] = []
  growth = new Map<bigint, bigint>()
  private tick = 0n
  private complete = new Set<string>()
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

  /** The tenures of a name as they were seen last. */
  private tenuresOf(name: string): BooksTenure[] {
    const ofName = this.tenures.filter(({ username }) => username === name)
    return ofName.map((tenure) => asScanSaw(tenure, this.accounts.get(tenure.adminId ?? -1n)))
  }

  private put(id: bigint, account: Account): void {
    const before = this.accounts.get(id) ?? emptyAccount
    const booked = account.total - before.total - (account.openingBalance - before.openingBalance)
    this.growth.set(id, (this.growth.get(id) ?? 0n) + booked)
    this.accounts.set(id, account)
  }

  /** Returns whether the reading was accepted. */
  seeUser(user: WorldUser, asked: bigint, at: number): boolean {
    const known = this.tenuresOf(user.name)
    const seen = {
      username: user.name,
      createdAt: user.createdAt,
      adminId: this.idOf(user.owner),
      lifetime: user.lifetime,
      at,
      status: 'active',
      dataLimit: null,
      expire: null,
    }
    const changes = judgeUser(known, seen, { asked, answered: this.draw() })
    const scanned = (id: bigint) => this.accounts.get(id)?.scanned ?? 0n
    if (!changes || isOutdated(changes, asked, scanned)) return false
    this.apply(changes, asked)
    return true
  }

  seeGone(name: string, asked: bigint): void {
    const open = this.tenuresOf(name).filter(({ endedBy }) => endedBy === null)
    this.apply(judgeGone(open, { asked, answered: this.draw() }), asked)
  }

  /** What the service notes after the panel has deleted a user for it. */
  endDeleted(name: string, createdAt: string): void {
    const asked = this.draw()
    const open = this.tenuresOf(name).filter(
      (tenure) => tenure.createdAt === createdAt && tenure.endedBy === null,
    )
    this.apply(judgeGone(open, { asked, answered: this.draw() }, 'service'), asked)
  }

  /** What the service notes when the panel has said that it set back the counters of these users, or of all. */
  noteReset(admin: string | null, since: bigint, asked: bigint): void {
    const answered = this.draw()
    this.tenures = this.tenures.map((tenure) => {
      const isRead = tenure.endedBy === null && tenure.answered > since && tenure.answered < asked
      const isOne = admin === null || tenure.adminId === this.idOf(admin)
      return isRead && isOne ? { ...tenure, resetPending: true, answered } : tenure
    })
  }

  private apply(changes: TenureChange<BooksTenure>[], asked: bigint): void {
    for (const { before, after } of changes) {
      const id = before?.id ?? this.tenures.length
      this.tenures[id] = { ...after, id, asked }
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

  beginScan(admin: string): BooksScan {
    const panelBefore = this.account(admin)
    const isRepeated = this.complete.delete(admin)
    return { begun: this.draw(), panelBefore, unchanged: new Set(), seenAt: null, isRepeated }
  }

  /** Whether the scan saw this user as it is known, and so stores nothing of it. */
  isUnchanged(user: WorldUser, scan: BooksScan, at: number): boolean {
    const known = this.tenures.find(
      (tenure) =>
        tenure.username === user.name &&
        tenure.endedBy === null &&
        tenure.adminId === this.idOf(user.owner) &&
        tenure.createdAt === user.createdAt &&
        tenure.reading === user.lifetime &&
        !tenure.resetPending &&
        tenure.answered < scan.begun,
    )
    if (!known || !scan.isRepeated) return false
    scan.unchanged.add(known.id)
    scan.seenAt = Math.min(scan.seenAt ?? at, at)
    return true
  }

  /** Open tenures of the admin that the scan has not read. */
  unseen(admin: string, { begun, unchanged }: BooksScan): BooksTenure[] {
    return this.tenures.filter(
      ({ id, adminId, endedBy, asked, answered }) =>
        adminId === this.idOf(admin) &&
        endedBy === null &&
        asked < begun &&
        !(unchanged.has(id) && answered < begun),
    )
  }

  /** Returns whether the scan is complete. */
  finishScan(admin: string, scan: BooksScan, at: number): boolean {
    if (this.unseen(admin, scan).length > 0) return false
    const ended = this.draw()
    this.put(this.idOf(admin) ?? -1n, completeScan(this.account(admin), { ...scan, ended, at }))
    this.complete.add(admin)
    return true
  }

  counted(admin: string, ended: boolean): bigint {
    return this.tenures
      .filter((tenure) => tenure.adminId === this.idOf(admin) && (tenure.endedBy !== null) === ended)
      .reduce((sum, tenure) => sum + tenure.counted, 0n)
  }
}
