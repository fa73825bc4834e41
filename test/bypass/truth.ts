import type { User } from '../stand-in/records.ts'
import { monthly, nextMonth, type World } from './world.ts'

/** Bytes that were served to the reseller's users, by what made it possible. */
export type Served = {
  /** While the account was not known to have used its allowance: what flows up to the next poll is among it. */
  free: bigint
  /** Over connections that were open when the account was to be held, or that began in between two polls. */
  overOpenConnections: bigint
  /** By users that were made active behind the service's back since the last poll. */
  betweenPolls: bigint
  /** What no promise allows. */
  beyond: bigint
}

export type Period = { startsAt: number; endsAt: number; used: bigint; allowance: bigint; carried: bigint }

/**
 * Knows what was really served and booked, and keeps the books of the limit on its own: not by anything that the service
 * says, but by what had been booked at the panel when the service last polled.
 */
export class Truth {
  readonly served: Served = { free: 0n, overOpenConnections: 0n, betweenPolls: 0n, beyond: 0n }
  /** The periods that have ended. */
  readonly closed: Period[] = []
  /** What happened that no promise allows; a line each. */
  readonly offences: string[] = []
  /** Bytes that the panel has booked for the reseller, all and those that the last poll could see. */
  booked = 0n
  seen = 0n
  granted = 0n
  private carried = 0n
  private usedBefore = 0n
  private startsAt: number
  private endsAt: number
  /** Whether the account has used its allowance, as a poll could see. */
  private isOver = false
  /** Who was still served right after a poll although nobody should be, and who was made active through the service since. */
  private readonly wrong = new Set<User>()
  private readonly wrongConnections = new Set<User>()
  private readonly world: World

  constructor(world: World) {
    this.world = world
    this.startsAt = world.now()
    this.endsAt = nextMonth(this.startsAt)
  }

  get allowance(): bigint {
    return BigInt(monthly) + this.granted + this.carried
  }

  get used(): bigint {
    return this.seen - this.usedBefore
  }

  get isHeld(): boolean {
    return this.isOver
  }

  /** A user's client sends and receives bytes, if it can. */
  serve(user: User, bytes: bigint): void {
    const { state } = this.world.service.panel
    const wasOpen = state.xray.isConnected(user)
    const outcome = state.consume(user, bytes)
    if (outcome === 'refused') return
    if (outcome === 'booked') this.booked += bytes
    if (!wasOpen) {
      if (this.isOver && this.wrong.has(user)) this.wrongConnections.add(user)
      else this.wrongConnections.delete(user)
    }
    if (!this.isOver) this.served.free += bytes
    else if (this.wrongConnections.has(user)) this.offend(user, bytes)
    else if (wasOpen) this.served.overOpenConnections += bytes
    else this.served.betweenPolls += bytes
  }

  private offend(user: User, bytes: bigint): void {
    this.served.beyond += bytes
    this.offences.push(`${new Date(this.world.now()).toISOString()} ${user.username} ${user.status} ${bytes}`)
  }

  /** Who of the reseller's users could connect now. */
  servedNow(): User[] {
    const { state } = this.world.service.panel
    return state.usersOf(this.world.admin).filter((user) => state.xray.serves(user))
  }

  /** Runs an action of the reseller; whom it makes active through the service while the account is held is wrong. */
  async watch(isThroughService: boolean, act: () => Promise<unknown>): Promise<void> {
    const before = new Set(this.servedNow())
    await act()
    for (const user of this.servedNow()) {
      if (before.has(user) || !this.isOver) continue
      if (isThroughService) this.wrong.add(user)
      else this.wrong.delete(user)
    }
  }

  /** Time has passed. Growth that is seen after the end of a period belongs to the next one. */
  turn(): void {
    while (this.world.now() >= this.endsAt) {
      const { used, allowance, carried, startsAt, endsAt } = this
      this.closed.push({ startsAt, endsAt, used, allowance, carried })
      this.carried = used > allowance ? allowance - used : 0n
      this.granted = 0n
      this.usedBefore = this.seen
      this.startsAt = endsAt
      this.endsAt = nextMonth(endsAt)
      this.judge()
    }
  }

  grant(bytes: bigint): void {
    this.granted += bytes
    this.judge()
  }

  /** The service has polled, and its jobs have run. */
  afterPoll(): void {
    this.seen = this.booked
    this.judge()
    if (!this.isOver) return
    this.wrong.clear()
    for (const user of this.servedNow()) this.wrong.add(user)
  }

  private judge(): void {
    this.isOver = this.used >= this.allowance
    if (!this.isOver) {
      this.wrong.clear()
      this.wrongConnections.clear()
    }
  }
}
