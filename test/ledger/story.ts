import { partsOf } from '../../src/ledger/account.ts'
import { Books } from './books.ts'
import { World, type WorldUser } from './world.ts'

export const admins = ['ada', 'ben']
export const names = ['u1', 'u2', 'u3']
export const lagMs = 30

export type Observation =
  | { kind: 'users'; admin: string; asked: bigint; sample: WorldUser[] | null }
  | { kind: 'name'; name: string; asked: bigint; sample: WorldUser | 'gone' | null }
  | { kind: 'usage'; asked: bigint; askedAt: number; sample: [string, bigint][] | null }
  | { kind: 'deletion'; name: string; asked: bigint; sample: WorldUser | 'gone' | null; preserved: boolean }

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

  ask(observation: Observation['kind'], pick: number): void {
    const asked = this.books.draw()
    const admin = admins[pick % admins.length] as string
    const name = names[pick % names.length] as string
    if (observation === 'users') this.underWay.push({ kind: 'users', admin, asked, sample: null })
    else if (observation === 'name') this.underWay.push({ kind: 'name', name, asked, sample: null })
    else if (observation === 'deletion') {
      this.underWay.push({ kind: 'deletion', name, asked, sample: null, preserved: false })
    } else this.underWay.push({ kind: 'usage', asked, askedAt: this.world.now, sample: null })
  }

  answer(pick: number): void {
    const observation = this.underWay[pick % Math.max(1, this.underWay.length)]
    if (!observation || observation.sample !== null) return
    if (observation.kind === 'users') {
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
    if (observation.kind === 'deletion') {
      this.delete(observation)
      return
    }
    if (observation.kind === 'users') {
      for (const user of observation.sample) this.see(user, observation.asked)
    } else if (observation.kind === 'usage') {
      for (const [admin, value] of observation.sample) {
        this.books.seeUsage(admin, value, observation.asked, observation.askedAt)
      }
    } else if (observation.sample === 'gone') this.books.seeGone(observation.name, observation.asked)
    else this.see(observation.sample, observation.asked)
  }

  private see(user: WorldUser, asked: bigint): boolean {
    const isAccepted = this.books.seeUser(user, asked)
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
        if (reset.of === null || user.owner === reset.of) this.see(user, this.books.draw())
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
      if (this.see(sample, deletion.asked)) this.underWay.push({ ...deletion, preserved: true })
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

  scan(admin: string): void {
    const begun = this.books.draw()
    for (const user of this.world.report().filter(({ owner }) => owner === admin)) {
      this.see(user, this.books.draw())
    }
    const unseen = this.books.tenures.filter(
      ({ adminId, endedBy, answered }) =>
        adminId === this.books.idOf(admin) && endedBy === null && answered < begun,
    )
    for (const { username } of unseen) {
      const user = this.world.report().find(({ name }) => name === username)
      if (user) this.see(user, this.books.draw())
      else this.books.seeGone(username, this.books.draw())
    }
    this.books.finishScan(admin, this.world.now)
  }

  check(): void {
    for (const admin of admins) {
      const account = this.books.account(admin)
      const parts = partsOf(account)
      const booked = this.books.growth.get(this.books.idOf(admin) ?? -1n) ?? 0n
      claim('a total never decreases', account.total >= (this.totals.get(admin) ?? 0n))
      claim('a total never exceeds the truth', account.total <= this.world.truth(admin))
      claim('a total is at least what U proves', account.total >= account.usersCounted)
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
