import { partsOf } from '../../src/ledger/account.ts'
import { Books, type BooksScan } from './books.ts'
import { World, type WorldUser } from './world.ts'

export const admins = ['ada', 'ben']
export const names = ['u1', 'u2', 'u3']
export const lagMs = 30_000

export type Observation =
  | (Told<WorldUser[]> & { kind: 'users'; admin: string })
  | (Told<WorldUser | 'gone'> & { kind: 'name'; name: string })
  | (Told<[string, bigint][]> & { kind: 'usage'; askedAt: number })
  | (Told<WorldUser | 'gone'> & { kind: 'deletion'; name: string; preserved: boolean })
  | (Told<WorldUser[]> & { kind: 'scan'; admin: string; scan: BooksScan; isRead: boolean })

/** What was asked for at tick `asked`, and what the panel said when its clock showed `at`; null: nothing yet. */
type Told<Sample> = { asked: bigint; at: number; sample: Sample | null }

/** A reset of all users through the front: everybody is read, the panel acts, and what it says of it is noted. */
type Reset = { of: string | null; since: bigint; asked: bigint | null; hasSpoken: boolean }

/** One panel, one ledger, and observations under way between them: asked, answered and stored at different moments. */
export class Story {
  world = new World(admins, lagMs)
  books = new Books(admins, lagMs)
  underWay: Observation[] = []
  resets: Reset[] = []
  /** The tick at which the last reading of each user was stored; and whose counters the panel said it set back since. */
  private storedAt = new Map<number, { tick: bigint; owner: string | null }>()
  private spokenOf = new Set<number>()
  private totals = new Map<string, bigint>()

  ask(kind: Observation['kind'], pick: number): void {
    const admin = admins[pick % admins.length] as string
    const name = names[pick % names.length] as string
    if (kind === 'scan') {
      const scan = this.books.beginScan(admin)
      this.underWay.push({ kind, admin, scan, asked: scan.begun, at: 0, sample: null, isRead: false })
      return
    }
    const told = { asked: this.books.draw(), at: 0, sample: null }
    if (kind === 'users') this.underWay.push({ kind, admin, ...told })
    else if (kind === 'name') this.underWay.push({ kind, name, ...told })
    else if (kind === 'deletion') this.underWay.push({ kind, name, ...told, preserved: false })
    else this.underWay.push({ kind, askedAt: this.world.now, ...told })
  }

  answer(pick: number): void {
    const observation = this.underWay[pick % Math.max(1, this.underWay.length)]
    if (!observation || observation.sample !== null) return
    observation.at = this.world.clock()
    if (observation.kind === 'users' || observation.kind === 'scan') {
      observation.sample = this.world.report().filter(({ owner }) => owner === observation.admin)
    } else if (observation.kind === 'name' || observation.kind === 'deletion') {
      observation.sample = this.world.report().find(({ name }) => name === observation.name) ?? 'gone'
    } else {
      observation.sample = [...this.world.usage]
    }
  }

  store(pick: number): void {
    const index = pick % Math.max(1, this.underWay.length)
    const observation = this.underWay[index]
    if (!observation || observation.sample === null) return
    this.underWay.splice(index, 1)
    const { asked, at } = observation
    switch (observation.kind) {
      case 'deletion':
        this.delete(observation)
        return
      case 'scan':
        this.storeScan(observation)
        return
      case 'users':
        for (const user of observation.sample) this.see(user, asked, at)
        return
      case 'usage':
        for (const [admin, value] of observation.sample) {
          this.books.seeUsage(admin, value, asked, observation.askedAt)
        }
        return
      case 'name':
        if (observation.sample === 'gone') this.books.seeGone(observation.name, asked)
        else this.see(observation.sample, asked, at)
    }
  }

  /** First what the pages said; at the next turn, when others may have come in between, who is unseen, and the end. */
  private storeScan(observation: Extract<Observation, { kind: 'scan' }>): void {
    const { admin, scan, sample, asked, at } = observation
    if (!observation.isRead) {
      for (const user of sample ?? []) this.seeInScan(user, scan, asked, at)
      this.underWay.push({ ...observation, isRead: true })
      return
    }
    this.askForUnseen(admin, scan)
    this.books.finishScan(admin, scan, this.world.now)
  }

  private seeInScan(user: WorldUser, scan: BooksScan, asked: bigint, at: number): void {
    if (!this.books.isUnchanged(user, scan, at)) this.see(user, asked, at)
  }

  private see(user: WorldUser, asked: bigint, at: number): boolean {
    const isAccepted = this.books.seeUser(user, asked, at)
    if (!isAccepted) return false
    this.world.accept(user, this.spokenOf.delete(user.id))
    this.storedAt.set(user.id, { tick: this.books.draw(), owner: user.owner })
    return true
  }

  beginReset(of: string | null): void {
    this.resets.push({ of, since: this.books.draw(), asked: null, hasSpoken: false })
  }

  /** Takes a reset one step further; `reach`: which users the panel sets back, as a pattern of their ids. */
  goOnWithReset(pick: number, reach: number): void {
    const index = pick % Math.max(1, this.resets.length)
    const reset = this.resets[index]
    if (!reset) return
    if (reset.asked === null) {
      for (const user of this.world.report()) {
        if (reset.of === null || user.owner === reset.of) this.seeNow(user)
      }
      reset.asked = this.books.draw()
    } else if (!reset.hasSpoken) {
      this.world.resetAll(reset.of, ({ id }) => (reach >> (id % 4)) % 2 === 1)
      reset.hasSpoken = true
    } else {
      this.resets.splice(index, 1)
      for (const [id, { tick, owner }] of this.storedAt) {
        if (tick > reset.since && tick <= reset.asked && (reset.of === null || owner === reset.of)) {
          this.spokenOf.add(id)
        }
      }
      this.books.noteReset(reset.of, reset.since, reset.asked)
    }
  }

  /** Stores the final reading; at the next turn, when others may have come in between, the panel deletes the user. */
  private delete(deletion: Extract<Observation, { kind: 'deletion' }>): void {
    const { sample, name } = deletion
    if (sample === null || sample === 'gone') return
    if (!deletion.preserved) {
      if (this.see(sample, deletion.asked, deletion.at)) this.underWay.push({ ...deletion, preserved: true })
      return
    }
    // A user created anew under the name meanwhile is another one.
    if (this.world.users.get(name)?.id === sample.id) this.world.remove(name)
    this.books.endDeleted(name, sample.createdAt)
  }

  /** A poll and a scan that nothing overlaps, when the panel has booked everything. */
  pollAndScan(): void {
    this.underWay = []
    this.world.book()
    for (const [admin, value] of this.world.usage) {
      this.books.seeUsage(admin, value, this.books.draw(), this.world.now)
    }
    for (const admin of admins) this.scan(admin)
  }

  /** A scan that nothing overlaps. */
  scan(admin: string): void {
    const scan = this.books.beginScan(admin)
    for (const user of this.world.report().filter(({ owner }) => owner === admin)) {
      this.seeInScan(user, scan, this.books.draw(), this.world.clock())
    }
    this.askForUnseen(admin, scan)
    this.books.finishScan(admin, scan, this.world.now)
  }

  private askForUnseen(admin: string, scan: BooksScan): void {
    for (const { username } of this.books.unseen(admin, scan)) {
      const user = this.world.report().find(({ name }) => name === username)
      if (user) this.seeNow(user)
      else this.books.seeGone(username, this.books.draw())
    }
  }

  private seeNow(user: WorldUser): void {
    this.see(user, this.books.draw(), this.world.clock())
  }

  check(): void {
    for (const admin of admins) {
      const account = this.books.account(admin)
      const parts = partsOf(account)
      const booked = this.books.growth.get(this.books.idOf(admin) ?? -1n) ?? 0n
      claim('a total never decreases', account.total >= (this.totals.get(admin) ?? 0n))
      claim('a total never exceeds the truth', account.total <= this.world.truth(admin))
      claim('a total is at least what U proves', account.total >= account.usersCounted + account.usersOffset)
      claim('a total is at least what C proves', account.total >= account.panelCounted + account.panelOffset)
      claim('current is what open tenures counted', parts.current === this.books.counted(admin, false))
      claim('preserved is what ended tenures counted', parts.preserved === this.books.counted(admin, true))
      claim('the parts are the total', parts.current + parts.preserved + parts.unattributed === account.total)
      claim('no part is negative', parts.unattributed >= 0n)
      claim('opening balance and history are the total', account.openingBalance + booked === account.total)
      this.totals.set(admin, account.total)
    }
    const open = this.books.tenures.filter(({ endedBy }) => endedBy === null).map(({ username }) => username)
    claim('a name has one open tenure', new Set(open).size === open.length)
  }
}

/** Cheaper than `expect`, which would take most of the test's time. */
function claim(what: string, holds: boolean): void {
  if (!holds) throw new Error(`broken: ${what}`)
}
