import type { FaultRule } from '../stand-in/faults.ts'
import { lifetimeOf } from '../stand-in/records.ts'
import type { StandInPanel } from '../stand-in/start.ts'

/** How long after its users' bytes an admin's are booked, at most: less than the ledger is told to allow for. */
const bookedAfterMs = 300

export type UserFacts = { username: string; createdAt: string; owner: string | null; status: string }

/** A user that the panel has deleted. `asked`: by a request, and not behind the ledger's back. */
export type Death = {
  username: string
  createdAt: string
  lifetime: bigint
  owner: string | null
  asked: boolean
}

/** Bytes that a user consumes; `booked`: whether the panel lives to book them for the user's admin too. */
export type Portion = { username: string; bytes: number; booked: boolean }

/** Where in the panel's work processes are killed. */
export type Moment = { pids: number[]; method: string; path: RegExp; side: 'before' | 'after'; skip: number }

/**
 * What happens in the panel, and the truth about it, whatever the ledger makes of it. Its methods are called from
 * another process.
 */
export class World {
  private readonly panel: StandInPanel
  private readonly consumed = new Map<string, bigint>()
  private readonly dead: Death[] = []
  private readonly heldUsers = new Set<string>()
  private readonly heldAdmins = new Set<string>()
  private asked = true
  private killed = false

  constructor(panel: StandInPanel) {
    this.panel = panel
    const { state } = panel
    const remove = state.deleteUser.bind(state)
    state.deleteUser = (username) => {
      const user = state.users.get(username)
      if (user) this.dead.push({ ...this.factsOf(username), lifetime: lifetimeOf(user), asked: this.asked })
      remove(username)
    }
  }

  address(): { url: string; sudo: StandInPanel['sudo'] } {
    return { url: this.panel.url, sudo: this.panel.sudo }
  }

  /** A token of the admin, or of the panel's own sudo account. */
  token(username: string): string {
    const { sudo, state, tokens } = this.panel
    const password = username === sudo.username ? sudo.password : (state.admins.get(username)?.password ?? '')
    return tokens.logIn(new URLSearchParams({ username, password })).access_token
  }

  createAdmin(username: string): void {
    this.panel.state.createAdmin(username)
    this.consumed.set(username, 0n)
  }

  createUser(username: string, admin: string): void {
    if (!this.panel.state.users.has(username)) this.panel.state.createUser(username, { admin })
  }

  /** Lets users consume: those that exist, are active, have an owner, and are not held. */
  consume(portions: readonly Portion[]): void {
    const { state } = this.panel
    for (const { username, bytes, booked } of portions) {
      const user = state.users.get(username)
      const owner = user?.owner?.username
      if (!user || owner === undefined || user.status !== 'active') continue
      if (this.heldUsers.has(username) || this.heldAdmins.has(owner)) continue
      if (booked) state.accrueUser(username, bytes)
      else user.used += BigInt(bytes)
      this.consumed.set(owner, (this.consumed.get(owner) ?? 0n) + BigInt(bytes))
    }
    setTimeout(() => state.bookAdmins(), bookedAfterMs)
  }

  /** Books what has been consumed for the admins, now. */
  book(): void {
    this.panel.state.bookAdmins()
  }

  /** From now on these users consume nothing, and no user of these admins, be it a new one. */
  hold(usernames: readonly string[], admins: readonly string[]): void {
    for (const username of usernames) this.heldUsers.add(username)
    for (const admin of admins) this.heldAdmins.add(admin)
  }

  /** Everybody may consume again, except these users, and the users of these admins. */
  release(exceptUsernames: readonly string[], exceptAdmins: readonly string[]): void {
    this.heldUsers.clear()
    this.heldAdmins.clear()
    this.hold(exceptUsernames, exceptAdmins)
  }

  removeUser(username: string): void {
    this.asked = false
    this.panel.state.deleteUser(username)
    this.asked = true
  }

  moveUser(username: string, admin: string): void {
    if (this.panel.state.users.has(username)) this.panel.state.setOwner(username, admin)
  }

  resetUser(username: string): void {
    if (this.panel.state.users.has(username)) this.panel.state.resetUser(username)
  }

  resetUsage(admin: string): void {
    this.panel.state.resetAdminUsage(admin)
  }

  /** Its time is over: it consumes nothing any more. */
  expireUser(username: string): void {
    const user = this.panel.state.users.get(username)
    if (user) Object.assign(user, { status: 'expired', expire: Math.floor(Date.now() / 1000) - 60 })
  }

  users(): UserFacts[] {
    return [...this.panel.state.users.keys()].map((username) => this.factsOf(username))
  }

  /** Bytes that the users of each admin have consumed, since there has been an admin of the name. */
  truth(): Map<string, bigint> {
    return this.consumed
  }

  deaths(): Death[] {
    return this.dead
  }

  addFault(rule: FaultRule): void {
    this.panel.faults.add(rule)
  }

  /** Kills processes at a moment of the panel's work, once. */
  killAt({ pids, side, ...where }: Moment): void {
    this.killed = false
    const kill = () => {
      this.killed = true
      killAll(pids)
    }
    this.panel.faults.add({ kind: 'hook', ...where, times: 1, [side]: kill })
  }

  /** Whether the moment has come; from now on it can't come any more. */
  hasKilled(): boolean {
    this.panel.faults.clear()
    return this.killed
  }

  /** How much the panel still does that nobody waits for. */
  lateEffects(): number {
    return this.panel.late.waiting
  }

  /** Nothing goes wrong any more, and what hangs is cut. */
  async heal(): Promise<void> {
    this.panel.faults.clear()
    await this.goDown()
    await this.comeUp()
  }

  async goDown(): Promise<void> {
    await this.panel.down()
  }

  async comeUp(): Promise<void> {
    await this.panel.up()
  }

  connections(): number {
    return this.panel.connections()
  }

  private factsOf(username: string): UserFacts {
    const { createdAt, owner, status } = this.panel.state.mustFind(username)
    return { username, createdAt, owner: owner?.username ?? null, status }
  }
}

/** Ends processes as nothing else does; those that are gone already are no matter. */
export function killAll(pids: readonly number[]): void {
  // Zero and less mean whole groups of processes.
  for (const pid of pids.filter((candidate) => candidate > 0)) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // Gone already.
    }
  }
}
