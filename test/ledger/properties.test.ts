import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { admins, lagMs, names, type Observation, Story } from './story.ts'

type Step = (story: Story) => void
const pick = fc.nat(11)
const name = fc.constantFrom(...names)
const owner = fc.constantFrom<(string | null)[]>('ada', 'ben', null)
const bytes = fc.bigInt({ min: 1n, max: 1_000n })
/** By how much times of creation are moved into the past: seconds, and what lies between the zones of the world. */
const shift = fc.constantFrom(1, 7_000, 200_000, 3.5 * 3_600_000)

const traffic: fc.Arbitrary<Step>[] = [
  fc.tuple(name, bytes).map(
    ([user, n]): Step =>
      (story) =>
        story.world.consume(user, n),
  ),
  fc.constant<Step>((story) => story.world.book()),
  fc.integer({ min: 1, max: 10 * lagMs }).map(
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
  fc.tuple(fc.constantFrom<Observation['kind'][]>('users', 'name', 'usage', 'deletion', 'scan'), pick).map(
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
  fc.constant<Step>((story) => story.world.swapBackup()),
  fc.tuple(name, shift).map(
    ([user, ms]): Step =>
      (story) =>
        story.world.changeDate(user, ms),
  ),
  fc.tuple(name, shift).map(
    ([user, ms]): Step =>
      (story) =>
        story.world.reimport(user, ms),
  ),
]

describe('any history', () => {
  test('keeps totals from falling and from exceeding what was really consumed', () => {
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
  test('ends, after one poll and one scan, at the truth exactly', () => {
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

  test('misses in the users what hides a reset, and not a byte more', () => {
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
