import { isSameAdmin, isSameUser, type PanelDatabase } from './names.ts'
import type { Admin, NewUser, Shown, User } from './records.ts'
import { makeSecret } from './secrets.ts'
import { applyPlan, resetUsage } from './statuses.ts'
import { type Serving, Xray } from './xray.ts'

export type StateOptions = {
  /** Milliseconds since 1970. */
  now?: () => number
  /** SQLite unless given. MySQL keeps whole seconds, and takes some names for the same: see names.ts. */
  database?: PanelDatabase
  /** Whom the panel's core serves; `by status` unless given. */
  serving?: Serving
}

type Backup = { admins: Admin[]; users: (Omit<User, 'owner'> & { owner: string | null })[] }

/** Everything the stand-in panel remembers. Tests change it behind the API's back through these methods. */
export class PanelState {
  readonly admins = new Map<string, Admin>()
  readonly users = new Map<string, User>()
  readonly xray = new Xray()
  readonly now: () => number
  /** Some panels take names of users for the same whatever the case of their letters. */
  ignoresCase = false
  database: PanelDatabase
  private lists = new Map<Admin | null, User[]>()
  private pending = new Map<Admin, bigint>()
  private lastMicrosecond = 0

  constructor(options: StateOptions = {}) {
    this.now = options.now ?? Date.now
    this.database = options.database ?? 'sqlite'
    this.xray.serving = options.serving ?? 'by status'
  }

  createAdmin(username: string, options: { password?: string; isSudo?: boolean; shown?: Shown } = {}): Admin {
    const admin = {
      username,
      password: options.password ?? makeSecret(),
      isSudo: options.isSudo ?? false,
      usage: 0n,
      ...(options.shown && { shown: options.shown }),
    }
    this.admins.set(username, admin)
    return admin
  }

  /** Deletes an admin as the panel does: its users stay, without an owner. */
  deleteAdmin(username: string): void {
    const admin = this.admins.get(username)
    if (!admin) return
    for (const user of this.usersOf(admin)) user.owner = null
    this.admins.delete(username)
    this.pending.delete(admin)
    this.lists.clear()
  }

  createUser(username: string, options: NewUser = {}): User {
    const owner = options.admin ? this.mustFindAdmin(options.admin) : null
    const password = makeSecret()
    const user: User = {
      username,
      owner,
      createdAt: options.createdAt ?? this.timestamp(),
      status: options.status ?? 'active',
      used: options.lifetime ?? 0n,
      past: 0n,
      dataLimit: options.dataLimit ?? null,
      resetStrategy: options.resetStrategy ?? 'no_reset',
      expire: options.expire ?? null,
      note: options.note ?? null,
      onlineAt: null,
      onHoldExpireDuration: options.onHoldExpireDuration ?? null,
      onHoldTimeout: options.onHoldTimeout ?? null,
      editedAt: null,
      lastResetAt: null,
      nextPlan: options.nextPlan ?? null,
      proxies: { shadowsocks: { password, method: 'chacha20-ietf-poly1305' } },
      inbounds: { shadowsocks: ['Shadowsocks TCP'] },
      token: makeSecret(),
      ...(options.shown && { shown: options.shown }),
    }
    this.users.set(username, user)
    this.lists.get(owner)?.push(user)
    this.xray.tell(user)
    return user
  }

  deleteUser(username: string): void {
    const user = this.users.get(username)
    if (!user) return
    this.users.delete(username)
    this.lists.delete(user.owner)
    this.xray.forget(user)
  }

  /** Traffic as the panel's job books it: the user's bytes, then, in a second transaction, its owner's. */
  accrue(username: string, bytes: bigint | number): void {
    this.accrueUser(username, bytes)
    this.bookAdmins()
  }

  /** The first of the two transactions only. */
  accrueUser(username: string, bytes: bigint | number): void {
    const user = this.mustFind(username)
    user.used += BigInt(bytes)
    user.onlineAt = this.timestamp()
    if (user.owner) this.pending.set(user.owner, (this.pending.get(user.owner) ?? 0n) + BigInt(bytes))
  }

  /**
   * A user's client sends and receives bytes, over a connection that is open, or a new one if the core takes it.
   *
   * @returns `lost`: they flowed over a connection of a user that is deleted, and nothing books them.
   */
  consume(user: User, bytes: bigint | number): 'booked' | 'lost' | 'refused' {
    if (!this.xray.connect(user)) return 'refused'
    if (this.users.get(user.username) !== user) return 'lost'
    this.accrue(user.username, bytes)
    return 'booked'
  }

  /** The second of the two transactions, for all that was accrued. */
  bookAdmins(): void {
    for (const [admin, bytes] of this.pending) admin.usage += bytes
    this.pending.clear()
  }

  setOwner(username: string, admin: string | null): void {
    const user = this.mustFind(username)
    user.owner = admin === null ? null : this.mustFindAdmin(admin)
    this.lists.clear()
  }

  resetUser(username: string): void {
    resetUsage(this.mustFind(username), this.timestamp())
  }

  /** The next plan of a user is carried out now. */
  activateNextPlan(username: string): ReturnType<typeof applyPlan> {
    return applyPlan(this.mustFind(username), this.timestamp())
  }

  /** Clears the logs of earlier resets as well: `lifetime_used_traffic` falls to 0. */
  resetAll(owner?: Admin): void {
    for (const user of owner ? this.usersOf(owner) : this.users.values()) {
      user.used = 0n
      user.past = 0n
      user.lastResetAt = null
      user.nextPlan = null
      if (user.status === 'limited') user.status = 'active'
    }
    this.xray.restart(this.users.values())
  }

  resetAdminUsage(username: string): void {
    this.mustFindAdmin(username).usage = 0n
  }

  /** A copy of the panel's database. */
  backup(): Backup {
    return structuredClone({
      admins: [...this.admins.values()],
      users: [...this.users.values()].map((user) => ({ ...user, owner: user.owner?.username ?? null })),
    })
  }

  restore(backup: Backup): void {
    const { admins, users } = structuredClone(backup)
    this.admins.clear()
    this.users.clear()
    this.lists.clear()
    this.pending.clear()
    for (const admin of admins) this.admins.set(admin.username, admin)
    for (const user of users) {
      this.users.set(user.username, { ...user, owner: this.admins.get(user.owner ?? '') ?? null })
    }
    this.xray.restart(this.users.values())
  }

  /** Users of one owner, the oldest first. */
  usersOf(owner: Admin | null): readonly User[] {
    let list = this.lists.get(owner)
    if (!list) {
      list = [...this.users.values()].filter((user) => user.owner === owner)
      this.lists.set(owner, list)
    }
    return list
  }

  /** The user that the panel takes `username` for. */
  find(username: string): User | undefined {
    const exact = this.users.get(username)
    if (exact || (this.database === 'sqlite' && !this.ignoresCase)) return exact
    const fold = (name: string) => (this.ignoresCase ? name.toLowerCase() : name)
    return [...this.users.values()].find((user) =>
      isSameUser(this.database, fold(user.username), fold(username)),
    )
  }

  /** The admin that the panel takes `username` for. */
  findAdmin(username: string): Admin | undefined {
    const exact = this.admins.get(username)
    if (exact || this.database === 'sqlite') return exact
    return [...this.admins.values()].find((admin) => isSameAdmin(this.database, admin.username, username))
  }

  mustFind(username: string): User {
    const user = this.users.get(username)
    if (!user) throw new Error(`the stand-in panel has no user ${username}`)
    return user
  }

  private mustFindAdmin(username: string): Admin {
    const admin = this.admins.get(username)
    if (!admin) throw new Error(`the stand-in panel has no admin ${username}`)
    return admin
  }

  /** Naive UTC, as the panel writes it; on SQLite no two are the same. */
  timestamp(): string {
    if (this.database === 'mysql') return new Date(this.now()).toISOString().slice(0, 19)
    this.lastMicrosecond = Math.max(this.lastMicrosecond + 1, Math.floor(this.now() * 1000))
    const fraction = String(this.lastMicrosecond % 1_000_000).padStart(6, '0')
    const seconds = new Date(Math.floor(this.lastMicrosecond / 1000)).toISOString().slice(0, 19)
    return fraction === '000000' ? seconds : `${seconds}.${fraction}`
  }
}
