import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { partsOf } from '../../src/ledger/account.ts'
import { Books } from './books.ts'
import { World, type WorldUser } from './world.ts'

const admins = ['ada', 'ben']
const names = ['u1', 'u2', 'u3']
const lagMs = 30

type Observation =
  | { kind: 'users'; admin: string; asked: bigint; sample: WorldUser[] | null }
  | { kind: 'name'; name: string; asked: bigint; sample: WorldUser | 'gone' | null }
  | { kind: 'usage'; asked: bigint; askedAt: number; sample: [string, bigint][] | null }
  | { kind: 'deletion'; name: string; asked: bigint; sample: WorldUser | 'gone' | null; preserved: boolean }

/** A reset of all users through the front: everybody is read, the panel acts, and what it says of it is noted. */
type Reset = { of: string | null; since: bigint; asked: bigint | null; hasSpoken: boolean }

/** One panel, one ledger, and observations under way between them: asked, answered and stored at different moments. */
class Story {
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

type Step = (story: Story) => void
const pick = fc.nat(11)
const name = fc.constantFrom(...names)
const owner = fc.constantFrom<(string | null)[]>('ada', 'ben', null)
const bytes = fc.bigInt({ min: 1n, max: 1_000n })

const traffic: fc.Arbitrary<Step>[] = [
  fc.tuple(name, bytes).map(
    ([user, n]): Step =>
      (story) =>
        story.world.consume(user, n),
  ),
  fc.constant<Step>((story) => story.world.book()),
  fc.integer({ min: 1, max: 2 * lagMs }).map(
    (ms): Step =>
      (story) =>
        story.world.pass(ms),
  ),
  fc.tuple(name, fc.constantFrom(...admins)).map(
    ([user, admin]): Step =>
      (story) =>
        story.world.create(user, admin),
  ),
]
const observing: fc.Arbitrary<Step>[] = [
  fc.tuple(fc.constantFrom<Observation['kind'][]>('users', 'name', 'usage', 'deletion'), pick).map(
    ([kind, n]): Step =>
      (story) =>
        story.ask(kind, n),
  ),
  pick.map(
    (n): Step =>
      (story) =>
        story.answer(n),
  ),
  pick.map(
    (n): Step =>
      (story) =>
        story.store(n),
  ),
  fc.constantFrom(...admins).map(
    (admin): Step =>
      (story) =>
        story.scan(admin),
  ),
]
const resetting: fc.Arbitrary<Step>[] = [
  fc.constantFrom<(string | null)[]>('ada', 'ben', null).map(
    (of): Step =>
      (story) =>
        story.beginReset(of),
  ),
  // Mostly everybody is set back; sometimes a few, or nobody.
  fc.tuple(pick, fc.oneof(fc.constant(15), fc.nat(15))).map(
    ([n, reach]): Step =>
      (story) =>
        story.goOnWithReset(n, reach),
  ),
]
const meddling: fc.Arbitrary<Step>[] = [
  name.map(
    (user): Step =>
      (story) =>
        story.world.remove(user),
  ),
  fc.tuple(name, owner).map(
    ([user, to]): Step =>
      (story) =>
        story.world.move(user, to),
  ),
  fc.tuple(name, owner).map(
    ([user, to]): Step =>
      (story) =>
        story.world.create(user, to),
  ),
  fc.constant<Step>((story) => story.world.resetAll()),
  fc.constantFrom(...admins).map(
    (admin): Step =>
      (story) =>
        story.world.resetUsage(admin),
  ),
  fc.constant<Step>((story) => story.world.takeBackup()),
  fc.constant<Step>((story) => story.world.restoreBackup()),
]

describe('any history', () => {
  it('keeps totals from falling and from exceeding what was really consumed', () => {
    const step = fc.oneof(...traffic, ...observing, ...observing, ...resetting, ...resetting, ...meddling)
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150, size: 'max' }), (steps) => {
        const story = new Story()
        for (const take of steps) {
          take(story)
          story.check()
        }
      }),
      { numRuns: 10_000 },
    )
  }, 60_000)
})

describe('a history without deletions, moves and resets behind our back', () => {
  it('ends, after one poll and one scan, at the truth exactly', () => {
    const step = fc.oneof(...traffic, ...traffic, ...observing)
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100, size: 'max' }), (steps) => {
        const story = new Story()
        for (const take of steps) take(story)
        story.pollAndScan()
        story.check()
        for (const admin of admins) expect(story.books.account(admin).total).toBe(story.world.truth(admin))
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('a history with resets of all users through the front, and nothing behind our back', () => {
  /** What witness U may miss: of a user that has outgrown its past before it is read again, that past. */
  class Resetting extends Story {
    missed = 0n
    private past = new Map<string, bigint>()

    resetNow(of: string | null): void {
      this.beginReset(of)
      for (let step = 0; step < 3; step += 1) this.goOnWithReset(0, 15)
      for (const { name, owner } of this.world.report())
        if (of === null || owner === of) this.past.set(name, -1n)
    }

    /** Before everybody is read: who hides its reset by now. */
    readAll(): void {
      for (const { username, reading, endedBy } of this.books.tenures) {
        const lifetime = this.world.users.get(username)?.lifetime ?? 0n
        if (endedBy === null && this.past.has(username) && lifetime >= reading) this.missed += reading
        this.past.delete(username)
      }
      for (const admin of admins) this.scan(admin)
    }
  }

  it('misses in the users what hides a reset, and not a byte more', () => {
    type Move = (story: Resetting) => void
    const move = fc.oneof<fc.Arbitrary<Move>[]>(
      fc.tuple(name, bytes).map(
        ([user, n]): Move =>
          (story) =>
            story.world.consume(user, n),
      ),
      fc.tuple(name, fc.constantFrom(...admins)).map(
        ([user, admin]): Move =>
          (story) =>
            story.world.create(user, admin),
      ),
      fc.constantFrom<(string | null)[]>('ada', 'ben', null).map(
        (of): Move =>
          (story) => {
            story.readAll()
            story.resetNow(of)
          },
      ),
      fc.constant<Move>((story) => story.readAll()),
    )
    fc.assert(
      fc.property(fc.array(move, { maxLength: 60, size: 'max' }), (moves) => {
        const story = new Resetting()
        for (const take of moves) {
          take(story)
          story.check()
        }
        story.readAll()
        const sum = (of: (admin: string) => bigint) => admins.reduce((all, admin) => all + of(admin), 0n)
        const counted = sum((admin) => story.books.account(admin).usersCounted)
        expect(counted + story.missed).toBe(sum((admin) => story.world.truth(admin)))
      }),
      { numRuns: 1_000 },
    )
  })
})
