import { type Backup, World, type WorldUser } from '../ledger/world.ts'
import { isSameAdmin, isSameUser, type PanelDatabase } from '../stand-in/names.ts'
import type { Request } from './exchange.ts'
import { Resets } from './resets.ts'
import { Services } from './services.ts'
import { hidesStatus, isReadable, type Spoil } from './spoil.ts'

/** What the panel told an operation, and when: the order of answers is not that in which they arrive. */
export type Samples = {
  users: { user: WorldUser; at: number }[]
  usage: { admin: string; bytes: bigint; at: number }[]
  /**
   * Users right after counters were set back through the front, by a call that began to read them at `since`; `isReached`:
   * whether theirs was.
   */
  resets: { user: WorldUser; since: number; at: number; isReached: boolean }[]
  /** Names of which the panel said that it has no such user. */
  gone: { name: string; at: number }[]
  /** Users that a caller has changed, by their ids, and how often they had been changed by then. */
  edits: { id: number; changes: number }[]
}

type Memory = {
  accepted: Map<number, WorldUser>
  acceptedAt: Map<number, number>
  beyond: Map<string, bigint>
}

/** One of several admins of a name, one after the other. */
type Incarnation = { name: string; deaths: number }

/** A request that nobody waits for any more, and what the panel may still do about it. */
export type Unanswered = {
  request: Request
  /** The user that it was about when it was sent. */
  user: WorldUser | undefined
  /** The admin, and how many of its name were gone by then. */
  admin: Incarnation | undefined
  at: number
  /** Null: it has been done, or never will be. */
  act: (() => Promise<unknown>) | null
}

/** The panel, in memory, with the truth about every byte; admins come and go. */
export class VirtualPanel extends World {
  /** Counts what the panel tells: of two answers the later one was given later. */
  told = 0
  /** Whether users may be there again, or under other times of creation, than receipts say. */
  hasRestored = false
  database: PanelDatabase = 'sqlite'
  /** Whether the panel counts by admins, as it does from 0.8 on. */
  hasUsage = true
  /** Whether the list of admins has entries that nobody can count for. */
  hasOddAdmins = false
  /** What is odd about users, by their ids. */
  readonly spoils = new Map<number, Spoil>()
  /** Whether an operation of the service may be changing users now. */
  isEnforcing: () => boolean = () => false
  private readonly fallenSilent = new Set<number>()
  readonly resets = new Resets()
  readonly services = new Services(() => this.isEnforcing())
  /** Users that the panel has deleted because it was asked to, by their times of creation. */
  readonly deleted = new Map<string, { by: string; owner: string | null }>()
  /** How often an admin of each name has ceased to be. */
  readonly adminDeaths = new Map<string, number>()
  unanswered: Unanswered[] = []
  /**
   * Whether a reset has hidden bytes from who reads the users alone: nobody had read the counter to the last byte, or it has
   * reached its old value before it was read again.
   */
  isHidingBytes = false
  private readonly resetUnread = new Set<number>()

  /** The user, or the admin, that the panel takes `name` for. */
  userNamed(name: string): WorldUser | undefined {
    return [...this.users.values()].find((user) => isSameUser(this.database, user.name, name))
  }

  adminNamed(name: string): string | undefined {
    return [...this.usage.keys()].find((admin) => isSameAdmin(this.database, admin, name))
  }

  /** Users that nobody can count now. */
  unreadable(): WorldUser[] {
    return this.report().filter(({ id }) => !isReadable(this.spoils.get(id)))
  }

  spoil(name: string, how: Spoil): void {
    const user = this.users.get(name)
    // A panel that is silent about several users looks like one that answers nobody.
    if (!user || (how === 'silent' && this.isSilentAboutSomebody())) return
    this.spoils.set(user.id, how)
    // Whom nobody can see to be disabled, nobody gives back.
    if (hidesStatus(how)) this.services.loseTrack(user.id)
  }

  resetUser(name: string): void {
    const user = this.users.get(name)
    if (user) this.resets.reset(user)
    // By a slip the panel enables a disabled user.
    this.enable(name)
  }

  /** Requests of the service that may still change how a user is served. */
  unansweredChanges(): Unanswered[] {
    return this.unanswered.filter(({ act, request }) => act !== null && request.json !== undefined)
  }

  mayStayDisabled(): void {
    const service = { status: 'disabled', duration: null, timeout: null }
    for (const { id } of this.everyone()) this.services.mayBeMeant(id, service)
  }

  enable(name: string): void {
    const user = this.users.get(name)
    if (user) this.services.change(user.id, { status: 'active' })
  }

  /** A request is given up; `act`: what the panel may still do about it. */
  leaveUnanswered(request: Request, act: Unanswered['act']): void {
    const user = this.userIn(request)
    this.unanswered.push({
      request,
      user: user && { ...user },
      admin: this.adminIn(request),
      at: this.now,
      act,
    })
  }

  /** The user that a request is about. */
  userIn({ path }: Request): WorldUser | undefined {
    const name = /^\/api\/user\/([^/]+)/.exec(path)?.[1]
    return name === undefined ? undefined : this.userNamed(decodeURIComponent(name))
  }

  /** The admin that a request is about. */
  adminIn({ path }: Request): Incarnation | undefined {
    const named = /^\/api\/admin\/([^/]+)$/.exec(path)?.[1]
    const name = named === undefined ? undefined : this.adminNamed(decodeURIComponent(named))
    return name === undefined ? undefined : { name, deaths: this.adminDeaths.get(name) ?? 0 }
  }

  isSilentAboutSomebody(): boolean {
    return this.report().some(({ id }) => this.spoils.get(id) === 'silent')
  }

  /** Whether the panel answers nothing about the user, since it was asked to change it. */
  isSilentAbout(request: Request): boolean {
    const user = this.userIn(request)
    if (!user || this.spoils.get(user.id) !== 'silent') return false
    if (request.method !== 'GET') this.fallenSilent.add(user.id)
    return this.fallenSilent.has(user.id)
  }

  /** The panel is killed between its two transactions: what users consumed is booked for no admin. */
  loseBookings(): void {
    this.pending = []
  }

  createAdmin(admin: string): void {
    if (this.adminNamed(admin) !== undefined) return
    this.usage.set(admin, 0n)
    this.consumed.set(admin, this.consumed.get(admin) ?? 0n)
    this.beyond.set(admin, this.beyond.get(admin) ?? 0n)
  }

  /** Its users stay, without an owner; bytes not booked for it yet are booked for nobody. */
  deleteAdmin(admin: string): boolean {
    for (const user of this.users.values()) if (user.owner === admin) user.owner = null
    this.pending = this.pending.filter(({ owner }) => owner !== admin)
    if (!this.usage.delete(admin)) return false
    this.adminDeaths.set(admin, (this.adminDeaths.get(admin) ?? 0) + 1)
    return true
  }

  /** The counters of `owner`'s users fall to zero, or of all users; they have been read since `since`. */
  resetThroughFront(owner: string | null, since: number): Samples['resets'] {
    for (const { id, lifetime, owner: own } of this.report()) {
      if (owner !== null && own !== owner) continue
      this.isHidingBytes ||= lifetime !== (this.accepted.get(id)?.lifetime ?? 0n) || this.resetUnread.has(id)
      this.resetUnread.add(id)
    }
    this.resetAll(owner)
    this.told += 1
    const isReached = ({ name, id, owner: own }: WorldUser) =>
      this.users.get(name)?.id === id && (owner === null || own === owner)
    return this.everyone().map((user) => ({ user, since, at: this.told, isReached: isReached(user) }))
  }

  override consume(name: string, bytes: bigint): void {
    super.consume(name, bytes)
    const user = this.users.get(name)
    if (!user || !this.resetUnread.has(user.id)) return
    this.isHidingBytes ||= user.lifetime >= (this.accepted.get(user.id)?.lifetime ?? 0n)
  }

  override accept(user: WorldUser, mayCountAll = false): void {
    super.accept(user, mayCountAll)
    this.resetUnread.delete(user.id)
  }

  override takeBackup(): void {
    super.takeBackup()
    this.services.takeBackup()
  }

  protected override putBack(backup: Backup): void {
    this.cannotTellReceipts()
    super.putBack(backup)
    this.services.putBack()
    this.loseTrack()
  }

  /** Nobody can tell any more how any user is meant to be served. */
  loseTrack(): void {
    for (const { id } of this.everyone()) this.services.loseTrack(id)
  }

  override changeDate(name: string, ms: number): void {
    this.cannotTellReceipts()
    super.changeDate(name, ms)
  }

  override reimport(name: string, ms: number): void {
    this.cannotTellReceipts()
    super.reimport(name, ms)
    const user = this.users.get(name)
    if (user) this.services.loseTrack(user.id)
    // An admin that is gone owns nobody.
    if (user && user.owner !== null && !this.usage.has(user.owner)) user.owner = null
  }

  private cannotTellReceipts(): void {
    this.hasRestored = true
    this.deleted.clear()
  }

  /** What the ledger has accepted so far, and may therefore charge. */
  remember(): Memory {
    return {
      accepted: new Map(this.accepted),
      acceptedAt: new Map(this.acceptedAt),
      beyond: new Map(this.beyond),
    }
  }

  /** The ledger knows only what it knew then. */
  forget({ accepted, acceptedAt, beyond }: Memory): void {
    this.accepted = new Map(accepted)
    this.acceptedAt = new Map(acceptedAt)
    this.beyond = new Map(beyond)
    this.deleted.clear()
    for (const one of this.unanswered) one.at = Number.NEGATIVE_INFINITY
  }
}
