/**
 * `node test/ledger/shortfall.ts`: how many bytes are missing at the end of life-like histories, by the union of both
 * witnesses and by the larger of them, as it was counted before. Pure arithmetic: seconds for a thousand histories.
 */
import { createRandom, oneOf } from '../support/random.ts'
import { Books } from './books.ts'
import { World, type WorldUser } from './world.ts'

const histories = Number(process.argv[2] ?? 1_000)
const lagMs = 30_000
const hourMs = 3_600_000
const admin = 'ada'

/** What the larger witness proved: both were compared once a reading of the counter came late enough after a scan. */
class Larger {
  total = 0n
  private offset = 0n
  private snapshot: bigint | null = null

  observe(users: bigint, panel: bigint): void {
    if (this.snapshot !== null) this.offset = max(this.offset, this.snapshot - panel)
    this.snapshot = null
    this.total = max(this.total, max(users, panel + this.offset))
  }

  scanned(users: bigint): void {
    this.snapshot = users
    this.total = max(this.total, users)
  }
}

type Shortfall = { truth: bigint; larger: bigint; union: bigint }

/** Thirty days of a reseller with some users, some of which are deleted in the panel itself; and its counter is reset. */
function live(seed: number): Shortfall {
  const random = createRandom(seed)
  const onceIn = (times: number) => random(times) === 0
  const world = new World([admin], lagMs)
  const books = new Books([admin], lagMs)
  const larger = new Larger()
  let created = 0
  const create = () => {
    created += 1
    world.create(`u${created}`, admin)
  }
  for (let user = 0; user < 20; user += 1) create()

  const poll = () => {
    books.seeUsage(admin, world.usage.get(admin) ?? 0n, books.draw(), world.now)
    const { usersCounted, panelCounted } = books.account(admin)
    larger.observe(usersCounted, panelCounted)
  }
  const see = (user: WorldUser) => {
    if (books.seeUser(user, books.draw(), world.clock())) world.accept(user)
  }
  const scan = () => {
    const scanning = books.beginScan(admin)
    for (const user of world.report()) if (!books.isUnchanged(user, scanning, world.clock())) see(user)
    for (const { username } of books.unseen(admin, scanning)) books.seeGone(username, books.draw())
    books.finishScan(admin, scanning, world.now)
    larger.scanned(books.account(admin).usersCounted)
  }

  for (let hour = 0; hour < 30 * 24; hour += 1) {
    for (const name of world.users.keys()) {
      if (onceIn(2)) world.consume(name, BigInt(random(1e9)))
    }
    // Behind our back: once in two days somebody deletes a user, once in ten days resets the counter of the admin.
    if (onceIn(48)) {
      const name = oneOf(random, [...world.users.keys()])
      world.pass(60_000)
      if (name !== undefined) world.remove(name)
      create()
    }
    if (onceIn(240)) {
      world.pass(60_000)
      world.resetUsage(admin)
    }
    world.pass(hourMs)
    poll()
    scan()
    // As often as the service polls, nearly nothing is consumed before what the scan saw can be compared.
    world.pass(2 * lagMs)
    poll()
  }
  const truth = world.truth(admin)
  const { total } = books.account(admin)
  if (total > truth || larger.total > truth) throw new Error(`history ${seed} counts more than was consumed`)
  return { truth, larger: truth - larger.total, union: truth - total }
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b
}

const sum = { truth: 0n, larger: 0n, union: 0n }
for (let seed = 1; seed <= histories; seed += 1) {
  const { truth, larger, union } = live(seed)
  sum.truth += truth
  sum.larger += larger
  sum.union += union
}
const share = (bytes: bigint) =>
  `${bytes} (${(Number((bytes * 1_000_000n) / sum.truth) / 10_000).toFixed(4)} %)`
console.log(`of ${sum.truth} bytes in ${histories} histories are missing`)
console.log(`the larger witness: ${share(sum.larger)}`)
console.log(`the union: ${share(sum.union)}`)
