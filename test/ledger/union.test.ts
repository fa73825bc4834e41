import fc from 'fast-check'
import { describe, test } from 'vitest'
import { Books, type BooksScan } from './books.ts'
import type { WorldUser } from './world.ts'

/**
 * An independent model of the union: every consumed byte has a number of its own, counters are lists of bytes, and a witness is
 * the set of bytes that it has shown. It shares no arithmetic with the ledger: no offsets, no snapshots, no maxima of sums.
 */
const admin = 'ada'
const names = ['u1', 'u2', 'u3']
const lagMs = 30_000
const beginning = Date.UTC(2026, 0, 1)

/** A counter of the panel: the bytes that make up its number, in the order in which they came. */
type Bytes = number[]
type User = { name: string; id: number; createdAt: string; bytes: Bytes }
type Reading = { user: User; bytes: Bytes }
/** What the panel has answered and nobody has stored yet. */
type Answer =
  | { kind: 'user'; asked: bigint; at: number; of: string; shown: Reading | null }
  | { kind: 'poll'; asked: bigint; askedAt: number; bytes: Bytes }
  | { kind: 'scan'; at: number; shown: Reading[]; scan: BooksScan }

/** The bytes that a witness has shown: of each reading the newest, as many as its number rose by. */
class Witness {
  readonly shown = new Set<number>()
  /** Those of them that a counter had when it was read first: they may have been shown by the other witness long ago. */
  brought = 0
  private last = new Map<number, number>()

  /** `isBack`: its user had been noted as gone; nobody can say what it consumed meanwhile. */
  read(counter: number, bytes: Bytes, isBack = false): void {
    const last = isBack ? bytes.length : this.last.get(counter)
    if (last === undefined) this.brought += bytes.length
    for (const byte of bytes.slice(last)) this.shown.add(byte)
    this.last.set(counter, bytes.length)
  }
}

class Panel {
  now = 0
  consumed = 0
  users = new Map<string, User>()
  usage: Bytes = []
  private gone = new Map<string, User>()
  private pending: { byte: number; since: number }[] = []
  private created = 0

  create(name: string): void {
    if (this.users.has(name)) return
    this.created += 1
    this.now += 1
    const createdAt = `${new Date(this.clock()).toISOString().slice(0, 23).replace('T', ' ')}000`
    this.users.set(name, { name, id: this.created, createdAt, bytes: [] })
  }

  remove(name: string): void {
    const user = this.users.get(name)
    if (user) this.gone.set(name, user)
    this.users.delete(name)
  }

  /** A backup brings back who was deleted last of the name, with the counter it had. */
  bringBack(name: string): void {
    const user = this.gone.get(name)
    if (user && !this.users.has(name)) this.users.set(name, user)
  }

  /** The user's counter at once; that of the admin later, in a second transaction. */
  consume(name: string, count: number): void {
    for (let left = this.users.has(name) ? count : 0; left > 0; left -= 1) {
      this.consumed += 1
      this.users.get(name)?.bytes.push(this.consumed)
      this.pending.push({ byte: this.consumed, since: this.now })
    }
  }

  book(before = Number.POSITIVE_INFINITY): void {
    const isDue = ({ since }: { since: number }) => since < before
    this.usage.push(...this.pending.filter(isDue).map(({ byte }) => byte))
    this.pending = this.pending.filter((one) => !isDue(one))
  }

  /** Killed between its two transactions, the panel books for no admin what users consumed. */
  loseBookings(): void {
    this.pending = []
  }

  pass(ms: number): void {
    this.now += ms
    this.book(this.now - lagMs + 1)
  }

  clock(): number {
    return beginning + this.now
  }
}

/** A panel, the ledger's arithmetic, and what each witness has shown of all that the ledger accepted. */
class Run {
  readonly panel = new Panel()
  private books = new Books([admin], lagMs)
  private users = new Witness()
  private counter = new Witness()
  private underWay: Answer[] = []
  private rested = { users: 0, counter: 0, union: 0, brought: 0, total: 0, isUnion: true }

  ask(kind: Answer['kind'], name: string): void {
    const { panel, books } = this
    const scan = kind === 'scan' ? books.beginScan(admin) : null
    const asked = scan?.begun ?? books.draw()
    const at = panel.clock()
    const user = panel.users.get(name)
    if (kind === 'user') this.underWay.push({ kind, asked, at, of: name, shown: user ? read(user) : null })
    else if (kind === 'poll') this.underWay.push({ kind, asked, askedAt: panel.now, bytes: [...panel.usage] })
    else if (scan) {
      const shown = [...panel.users.values()].map(read)
      this.underWay.push({ kind: 'scan', at, shown, scan })
    }
  }

  store(pick: number): void {
    const [answer] = this.underWay.splice(pick % Math.max(1, this.underWay.length), 1)
    this.take(answer)
  }

  private look(kind: Answer['kind']): void {
    this.ask(kind, '')
    this.take(this.underWay.pop())
  }

  /** An answer shows a user; before it is stored, the user consumes, is deleted, and a scan finds it no more. */
  storeLate(name: string, count: number): void {
    this.ask('user', name)
    const late = this.underWay.pop()
    this.panel.consume(name, count)
    this.panel.book()
    this.panel.remove(name)
    this.look('poll')
    this.look('scan')
    this.take(late)
    this.panel.bringBack(name)
  }

  private take(answer: Answer | undefined): void {
    if (answer?.kind === 'poll') this.seeUsage(answer)
    else if (answer?.kind === 'user') {
      if (answer.shown) this.see(answer.shown, answer.asked, answer.at)
      else this.books.seeGone(answer.of, answer.asked)
    } else if (answer) {
      for (const shown of answer.shown) {
        if (!this.books.isUnchanged(asWorldUser(shown), answer.scan, answer.at)) {
          this.see(shown, answer.scan.begun, answer.at)
        }
      }
      for (const { username } of this.books.unseen(admin, answer.scan)) {
        const user = this.panel.users.get(username)
        if (user) this.see(read(user), this.books.draw(), this.panel.clock())
        else this.books.seeGone(username, this.books.draw())
      }
      this.books.finishScan(admin, answer.scan, this.panel.now)
    }
    this.check()
  }

  private see(reading: Reading, asked: bigint, at: number): void {
    const { user, bytes } = reading
    const known = this.books.tenures.find(({ createdAt }) => createdAt === user.createdAt)
    const isBack = known !== undefined && known.endedBy !== null
    if (this.books.seeUser(asWorldUser(reading), asked, at)) this.users.read(user.id, bytes, isBack)
  }

  private seeUsage({ bytes, asked, askedAt }: Extract<Answer, { kind: 'poll' }>): void {
    const { panelAnswered } = this.books.account(admin)
    this.books.seeUsage(admin, BigInt(bytes.length), asked, askedAt)
    if (this.books.account(admin).panelAnswered !== panelAnswered) this.counter.read(0, bytes)
  }

  /** Always: each byte once that at least one witness has shown, and no other. */
  private check(): void {
    const total = Number(this.books.account(admin).total)
    const union = this.union()
    claim(`a total of ${total} is more than the ${union} bytes that were shown`, total <= union)
    const least = Math.max(this.users.shown.size, this.counter.shown.size)
    claim(`a total of ${total} is less than the ${least} that one witness has shown`, total >= least)
  }

  /**
   * Everything is booked and read. Since the last time, the total has grown by all that one of the witnesses has shown since. So
   * it is the union itself as long as, each time, only one of them knew what the other did not. What users bring along at
   * first sight proves nothing beyond what the counter of the admin showed before: it may be the same.
   */
  rest(): void {
    this.underWay = []
    for (const kind of ['poll', 'scan', 'poll'] as const) {
      this.panel.pass(lagMs)
      this.look(kind)
    }
    const { rested } = this
    const total = Number(this.books.account(admin).total)
    const { brought } = this.users
    const shown = { users: this.users.shown.size, counter: this.counter.shown.size, union: this.union() }
    const risen = shown.users - brought - (rested.users - rested.brought)
    const least = rested.total + Math.max(risen, shown.counter - rested.counter)
    claim(`at rest a total of ${total} is less than the ${least} that were proven`, total >= least)
    const grew = (witness: 'users' | 'counter') =>
      shown.union - shown[witness] > rested.union - rested[witness]
    const isHidden =
      (grew('users') && grew('counter')) || (brought > rested.brought && shown.union > shown.users)
    const isUnion = rested.isUnion && !isHidden
    claim(`at rest a total of ${total} is not the ${shown.union} shown`, !isUnion || total === shown.union)
    this.rested = { ...shown, brought, total, isUnion }
  }

  private union(): number {
    return new Set([...this.users.shown, ...this.counter.shown]).size
  }
}

function asWorldUser({ user, bytes }: Reading): WorldUser {
  return { ...user, owner: admin, lifetime: BigInt(bytes.length), consumedBy: new Map() }
}

function read(user: User): Reading {
  return { user, bytes: [...user.bytes] }
}

function claim(broken: string, holds: boolean): void {
  if (!holds) throw new Error(broken)
}

type Step = (run: Run) => void
const name = fc.constantFrom(...names)
const inPanel = (act: (panel: Panel, name: string, count: number) => void) =>
  fc.tuple(name, fc.integer({ min: 1, max: 9 })).map(
    ([user, count]): Step =>
      ({ panel }) =>
        act(panel, user, count),
  )
const consuming = inPanel((panel, user, count) => panel.consume(user, count))
const step = fc.oneof(
  { weight: 5, arbitrary: consuming },
  { weight: 2, arbitrary: inPanel((panel, user) => panel.create(user)) },
  { weight: 2, arbitrary: inPanel((panel) => panel.book()) },
  { weight: 2, arbitrary: inPanel((panel, _, count) => panel.pass((count * lagMs) / 4)) },
  { weight: 1, arbitrary: inPanel((panel, user) => panel.remove(user)) },
  { weight: 1, arbitrary: inPanel((panel, user) => panel.bringBack(user)) },
  { weight: 1, arbitrary: inPanel((panel, user) => panel.users.get(user)?.bytes.splice(0)) },
  { weight: 1, arbitrary: inPanel((panel) => panel.usage.splice(0)) },
  { weight: 1, arbitrary: inPanel((panel) => panel.loseBookings()) },
  {
    weight: 6,
    arbitrary: fc.tuple(fc.constantFrom<Answer['kind'][]>('user', 'poll', 'scan'), name).map(
      ([kind, user]): Step =>
        (run) =>
          run.ask(kind, user),
    ),
  },
  {
    weight: 6,
    arbitrary: fc.nat(5).map(
      (pick): Step =>
        (run) =>
          run.store(pick),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(name, fc.integer({ min: 1, max: 9 })).map(
      ([user, count]): Step =>
        (run) =>
          run.storeLate(user, count),
    ),
  },
  { weight: 1, arbitrary: fc.constant<Step>((run) => run.rest()) },
)

describe('the total, where each byte has a number of its own', () => {
  test('is never more than the bytes that either witness has shown, and at rest all that they prove', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120, size: 'max' }), (steps) => {
        const run = new Run()
        for (const take of steps) take(run)
        run.rest()
      }),
      { numRuns: 5_000 },
    )
  }, 60_000)
})
