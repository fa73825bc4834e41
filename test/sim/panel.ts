import { LedgerError } from '../../src/errors.ts'
import type { PanelAdmin, PanelClient, PanelUser } from '../../src/panel/types.ts'
import { World, type WorldUser } from '../ledger/world.ts'
import type { Gate, Operation } from './point.ts'

/** What the panel told an operation, and when: the order of answers is not that in which they arrive. */
export type Samples = {
  users: { user: WorldUser; at: number }[]
  usage: { admin: string; bytes: bigint; at: number }[]
  /** Users right after counters were set back through the front, by a call that began to read them at `since`. */
  resets: { user: WorldUser; since: number; at: number }[]
}

type Memory = { accepted: Map<number, WorldUser>; beyond: Map<string, bigint> }

/** The panel, in memory, with the truth about every byte; admins come and go. */
export class VirtualPanel extends World {
  /** Counts what the panel tells: of two answers the later one was given later. */
  told = 0
  hasRestored = false

  /** The panel is killed between its two transactions: what users consumed is booked for no admin. */
  loseBookings(): void {
    this.pending = []
  }

  createAdmin(admin: string): void {
    if (this.usage.has(admin)) return
    this.usage.set(admin, 0n)
    this.consumed.set(admin, this.consumed.get(admin) ?? 0n)
    this.beyond.set(admin, this.beyond.get(admin) ?? 0n)
  }

  /** Its users stay, without an owner; bytes not booked for it yet are booked for nobody. */
  deleteAdmin(admin: string): boolean {
    for (const user of this.users.values()) if (user.owner === admin) user.owner = null
    this.pending = this.pending.filter(({ owner }) => owner !== admin)
    return this.usage.delete(admin)
  }

  /** The counters of `owner`'s users fall to zero, or of all users; they have been read since `since`. */
  resetThroughFront(owner: string | null, since: number): Samples['resets'] {
    this.resetAll(owner)
    this.told += 1
    return this.everyone().map((user) => ({ user, since, at: this.told }))
  }

  /**
   * The ledger expects a user's counter to begin at zero. Where the user was moved or removed between its reading and the
   * reset, it does not, and may be charged again if it comes back.
   */
  anchor(user: WorldUser, owner: string | null): void {
    this.accepted.set(user.id, { ...user, owner })
    if (owner !== null) this.beyond.set(owner, (this.beyond.get(owner) ?? 0n) + user.lifetime)
  }

  override restoreBackup(): void {
    this.hasRestored = true
    super.restoreBackup()
  }

  /** What the ledger has accepted so far, and may therefore charge. */
  remember(): Memory {
    return { accepted: new Map(this.accepted), beyond: new Map(this.beyond) }
  }

  /** The ledger knows only what it knew then. */
  forget({ accepted, beyond }: Memory): void {
    this.accepted = new Map(accepted)
    this.beyond = new Map(beyond)
  }
}

/** Makes a call of the panel: it stops before the panel acts, and before its answer arrives. */
export type Calls = <T>(label: string, act: () => T | Promise<T>) => Promise<T>

export function callsOf(operation: Operation, scheduler: Gate): Calls {
  return async (label, act) => {
    const at = { operation, label, line: null }
    const answer = await scheduler.arrive({ ...at, kind: 'request', perform: async () => act() })
    return scheduler.arrive({ ...at, kind: 'answer', perform: async () => answer })
  }
}

/** The panel's API for one operation. */
export function clientOf(
  panel: VirtualPanel,
  operation: Operation,
  scheduler: Gate,
  options: { samples: Samples; beforeDeletion: (username: string) => Promise<void> },
): PanelClient {
  const { samples } = options
  const call = callsOf(operation, scheduler)

  const adminOf = (username: string): PanelAdmin => ({
    username,
    isSudo: false,
    usersUsage: panel.usage.get(username) ?? null,
  })

  const tell = (user: WorldUser): PanelUser => {
    panel.told += 1
    samples.users.push({ user, at: panel.told })
    return {
      username: user.name,
      createdAt: user.createdAt,
      status: 'active',
      lifetimeUsedTraffic: user.lifetime,
      dataLimit: null,
      expire: null,
      owner: user.owner === null ? null : adminOf(user.owner),
    }
  }

  return {
    admins: (filter) =>
      call('GET admins', () => {
        panel.told += 1
        const names = [...panel.usage.keys()].filter((name) => name.includes(filter?.username ?? ''))
        for (const admin of names) {
          samples.usage.push({ admin, bytes: panel.usage.get(admin) ?? 0n, at: panel.told })
        }
        return names.map(adminOf)
      }),
    users: ({ admin, usernames, offset, limit }) =>
      call(`GET users of ${admin ?? 'all'}`, () => {
        const users = panel
          .report()
          .filter(
            ({ name, owner }) =>
              (admin === undefined || owner === admin) && (usernames?.includes(name) ?? true),
          )
          .sort((a, b) => (a.createdAt < b.createdAt ? -1 : 1))
        return { users: users.slice(offset, offset + limit).map(tell), total: users.length }
      }),
    user: (username) =>
      call(`GET user ${username}`, () => {
        const user = panel.report().find(({ name }) => name === username)
        return user ? tell(user) : null
      }),
    deleteUser: (username) =>
      call(`DELETE user ${username}`, async () => {
        const user = panel.users.get(username)
        if (!user) return false
        await options.beforeDeletion(username)
        panel.remove(username)
        if (user.owner === null) throw new LedgerError('panel_failed', 'the panel answers 500, as it does')
        return true
      }),
    deleteAdmin: (username) => call(`DELETE admin ${username}`, () => panel.deleteAdmin(username)),
    account: () => call('GET admin', () => ({ username: 'root', isSudo: true, usersUsage: null })),
    whoami: () => call('GET admin', () => ({ username: 'root', isSudo: true, usersUsage: null })),
    close: async () => {},
  }
}
