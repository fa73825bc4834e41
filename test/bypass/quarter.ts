import { resetByStrategy, reviewUsers } from '../stand-in/jobs.ts'
import type { User } from '../stand-in/records.ts'
import { createRandom, type Random } from '../support/random.ts'
import { drawDeed } from './reseller.ts'
import { Truth } from './truth.ts'
import { nextMonth, startWorld, type World, type WorldOptions } from './world.ts'

const hour = 3_600_000
const day = 24 * hour
/** So long before and after a period ends, nothing happens: then no real second can decide where growth belongs. */
const quietMs = 60_000

export type Quarter = {
  seed: number
  truth: Truth
  /** What was done, a line each. */
  journal: string[]
  /** How often the reseller has acted while it was over its limit. */
  deedsWhileOver: number
  /** The account's figures at the end, as the service tells them. */
  total: bigint
  periods: ReportedPeriod[]
  status: { used: number; allowance: number }
}

/** A period as the service tells it. */
export type ReportedPeriod = {
  starts_at: string
  ends_at: string | null
  total_at_start: number
  total_at_end: number | null
  used: number
  allowance: number
  carried: number
}

/** Lets a reseller try everything for a quarter of a year, or for so many days. The same seed tries the same. */
export async function playQuarter(seed: number, options: WorldOptions, days = 92): Promise<Quarter> {
  const world = await startWorld(options)
  try {
    return { seed, ...(await play(world, createRandom(seed), days)) }
  } finally {
    await world.close()
  }
}

async function play(world: World, random: Random, days: number): Promise<Omit<Quarter, 'seed'>> {
  const truth = new Truth(world)
  const journal: string[] = []
  const { state } = world.service.panel
  /** Users that had a connection when they were deleted: it may still be open. */
  const everybody = new Set<User>()
  let deedsWhileOver = 0
  const ends = world.now() + days * day
  while (world.now() < ends) {
    await passTime(world, 2 * hour + random(10 * hour))
    truth.turn()
    resetByStrategy(state)
    reviewUsers(state)
    useClients(world, truth, everybody, random)
    for (let deeds = random(5); deeds > 0; deeds -= 1) {
      const { way, what, act } = drawDeed(world, random)
      journal.push(`${new Date(world.now()).toISOString()} ${truth.isHeld ? 'over ' : ''}${way}: ${what}`)
      if (truth.isHeld) deedsWhileOver += 1
      await truth.watch(way !== 'behind', act)
      if (random(3) === 0) useClients(world, truth, everybody, random)
    }
    if (random(60) === 0) await grant(world, truth, BigInt(1 + random(30_000)))
    reviewUsers(state)
    await world.poll()
    truth.afterPoll()
    await expectSeen(world, truth)
  }
  await world.service.scan()
  await expectSeen(world, truth)
  const { items } = await read<{ items: ReportedPeriod[] }>(world, 'periods')
  const { status } = await read<{ status: Quarter['status'] }>(world, 'limit')
  return { truth, journal, deedsWhileOver, total: truth.seen, periods: items.toReversed(), status }
}

async function passTime(world: World, ms: number): Promise<void> {
  const end = nextMonth(world.now())
  const after = world.now() + ms
  await world.advance(Math.abs(after - end) < quietMs ? ms + 2 * quietMs : ms)
}

/** Clients come, go and use their connections; those of users that are deleted too. */
function useClients(world: World, truth: Truth, everybody: Set<User>, random: Random): void {
  const { state } = world.service.panel
  for (const user of state.usersOf(world.admin)) everybody.add(user)
  for (const user of everybody) {
    if (random(4) === 0) state.xray.disconnect(user)
    else if (random(3) > 0) truth.serve(user, BigInt(random(8_000)))
    if (!state.xray.isConnected(user) && state.users.get(user.username) !== user) everybody.delete(user)
  }
}

async function grant(world: World, truth: Truth, bytes: bigint): Promise<void> {
  const answer = await world.operate('POST', `/admins/${world.adminId}/grants`, { bytes: Number(bytes) })
  if (answer.status !== 201) throw new Error(`the grant was not made: ${answer.body}`)
  truth.grant(bytes)
}

/** After a poll the account's total is what the panel has booked, whatever the reseller did. */
async function expectSeen(world: World, truth: Truth): Promise<void> {
  const { total_traffic } = await read<{ total_traffic: number }>(world, 'stats')
  if (BigInt(total_traffic) !== truth.seen) {
    throw new Error(`the account has ${total_traffic} bytes, and ${truth.seen} were booked`)
  }
}

async function read<Body>(world: World, what: string): Promise<Body> {
  const answer = await world.operate('GET', `/admins/${world.adminId}/${what}`)
  if (answer.status !== 200) throw new Error(`${what}: ${answer.status} ${answer.body}`)
  return JSON.parse(answer.body) as Body
}
