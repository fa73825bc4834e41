/** Stands for the owner of bytes that a user without one consumed, or that a restored backup brought back. */
const nobody = ''

/**
 * A panel that knows the truth: what every user really consumed under whom. It shares no code with the ledger and
 * keeps its own books.
 */
export type WorldUser = {
  name: string
  createdAt: string
  owner: string | null
  lifetime: bigint
  id: number
  /** Bytes it consumed, by the owner it had. */
  consumedBy: Map<string, bigint>
}
type Pending = { owner: string; bytes: bigint; since: number }
type Backup = { users: WorldUser[]; usage: [string, bigint][] }

export class World {
  now = 0
  users = new Map<string, WorldUser>()
  usage = new Map<string, bigint>()
  /** Bytes that users consumed while owned by the admin, ever. */
  consumed = new Map<string, bigint>()
  /**
   * Bytes that may be charged beyond those. What a user brought along when the ledger first saw it counts for the owner
   * it was first seen under; and what it consumed under others between two readings under one owner is that owner's, for
   * nobody saw it move.
   */
  beyond = new Map<string, bigint>()
  /** When a backup was last restored, in readings that were accepted until then; before the first: never. */
  private restoredAt = -1
  private acceptances = 0
  protected acceptedAt = new Map<number, number>()
  /** The last reading of each user that the ledger accepted. */
  protected accepted = new Map<number, WorldUser>()
  protected pending: Pending[] = []
  /** Users that are gone, as they were: a backup may bring them back. */
  private gone = new Map<number, WorldUser>()
  private backup: Backup | null = null
  private created = 0
  private lagMs: number

  constructor(admins: string[], lagMs: number) {
    this.lagMs = lagMs
    for (const admin of admins) {
      this.usage.set(admin, 0n)
      this.consumed.set(admin, 0n)
      this.beyond.set(admin, 0n)
    }
  }

  create(name: string, owner: string | null): void {
    if (this.users.has(name)) return
    this.created += 1
    const createdAt = `2026-01-01 00:00:00.${String(this.created).padStart(6, '0')}`
    this.users.set(name, { name, createdAt, owner, lifetime: 0n, id: this.created, consumedBy: new Map() })
  }

  /** The panel books the user's bytes at once and the owner's later, in a second transaction. */
  consume(name: string, bytes: bigint): void {
    const user = this.users.get(name)
    if (!user) return
    user.lifetime += bytes
    add(user.consumedBy, user.owner ?? nobody, bytes)
    if (user.owner === null) return
    add(this.consumed, user.owner, bytes)
    this.pending.push({ owner: user.owner, bytes, since: this.now })
  }

  book(): void {
    this.bookOlderThan(Number.POSITIVE_INFINITY)
  }

  pass(ms: number): void {
    this.now += ms
    this.bookOlderThan(this.now - this.lagMs + 1)
  }

  private bookOlderThan(limit: number): void {
    for (const { owner, bytes } of this.pending.filter(({ since }) => since < limit)) {
      add(this.usage, owner, bytes)
    }
    this.pending = this.pending.filter(({ since }) => since >= limit)
  }

  remove(name: string): void {
    const user = this.users.get(name)
    if (user) this.gone.set(user.id, user)
    this.users.delete(name)
  }

  move(name: string, owner: string | null): void {
    const user = this.users.get(name)
    if (user) user.owner = owner
  }

  /** Of one owner's users, or of all; `reaches` says whom, of a reset that does not come to its end. */
  resetAll(owner: string | null = null, reaches: (user: WorldUser) => boolean = () => true): void {
    for (const user of this.users.values()) {
      if ((owner === null || user.owner === owner) && reaches(user)) user.lifetime = 0n
    }
  }

  resetUsage(admin: string): void {
    this.usage.set(admin, 0n)
  }

  takeBackup(): void {
    this.backup = { users: [...this.users.values()].map(copy), usage: [...this.usage] }
  }

  /**
   * A backup that undoes a reset raises counters. Nobody can tell such a rise from traffic: the panel records the bytes
   * again, so they may be charged again.
   */
  restoreBackup(): void {
    if (!this.backup) return
    this.restoredAt = this.acceptances
    for (const user of this.users.values()) this.gone.set(user.id, user)
    const restored = this.backup.users.map((user) => {
      const current = this.gone.get(user.id) ?? user
      const consumedBy = new Map(current.consumedBy)
      add(consumedBy, nobody, atLeastZero(user.lifetime - current.lifetime))
      return { ...user, consumedBy }
    })
    for (const [admin, usage] of this.backup.usage) {
      add(this.beyond, admin, atLeastZero(usage - (this.usage.get(admin) ?? 0n)))
    }
    this.users = new Map(restored.map((user) => [user.name, user]))
    this.usage = new Map(this.backup.usage)
    this.pending = []
  }

  /** Users as they are now, and those that are gone as they were. */
  protected everyone(): WorldUser[] {
    return [
      ...new Map([...this.gone, ...this.report().map((user) => [user.id, user] as const)]).values(),
    ].map(copy)
  }

  /** Users as the panel would report them now. */
  report(): WorldUser[] {
    return [...this.users.values()].map(copy)
  }

  /**
   * Told when the ledger accepts a reading.
   *
   * @param mayCountAll whether the panel had said since the last reading that it set all counters back. The ledger then
   *   takes a fall for that. If it was a restored backup that lowered the counter of a user whom the reset did not reach,
   *   nobody can tell; what it counts too much then may be charged. Without a backup nothing may.
   */
  accept(user: WorldUser, mayCountAll = false): void {
    const before = this.accepted.get(user.id)
    const isRestored = this.restoredAt >= (this.acceptedAt.get(user.id) ?? 0)
    this.acceptances += 1
    this.accepted.set(user.id, user)
    this.acceptedAt.set(user.id, this.acceptances)
    if (user.owner === null) return
    if (mayCountAll && before && isRestored && user.lifetime < before.lifetime) {
      add(this.beyond, user.owner, atLeastZero(user.lifetime - consumed(user) + consumed(before)))
    }
    if (!before) {
      add(this.beyond, user.owner, atLeastZero(user.lifetime - (user.consumedBy.get(user.owner) ?? 0n)))
    } else if (before.owner === user.owner) {
      for (const [owner, bytes] of user.consumedBy) {
        if (owner !== user.owner) {
          add(this.beyond, user.owner, atLeastZero(bytes - (before.consumedBy.get(owner) ?? 0n)))
        }
      }
    }
  }

  /** The most that may be charged to an admin. */
  truth(admin: string): bigint {
    return (this.consumed.get(admin) ?? 0n) + (this.beyond.get(admin) ?? 0n)
  }
}

function consumed({ consumedBy }: WorldUser): bigint {
  return [...consumedBy.values()].reduce((sum, bytes) => sum + bytes, 0n)
}

function copy(user: WorldUser): WorldUser {
  return { ...user, consumedBy: new Map(user.consumedBy) }
}

function add(sums: Map<string, bigint>, key: string, bytes: bigint): void {
  sums.set(key, (sums.get(key) ?? 0n) + bytes)
}

function atLeastZero(bytes: bigint): bigint {
  return bytes > 0n ? bytes : 0n
}
