import type { Samples, VirtualPanel } from './panel.ts'
import type { LedgerRows, TenureRow } from './rows.ts'

/** What a counter of the ledger must have counted, by the answers it was given. */
type Seen = { counted: bigint; reading: bigint; at: number; answered: string }

/** `isReset`: whether the panel has said since the last reading that it set the counter back. `user`: its id there. */
type KnownTenure = Seen & {
  isOpen: boolean
  isReset: boolean
  user: number
  name: string
  latestCreation: string
  /** When the first reading was given. */
  since: number
}

/** Everything that is known of the ledger, kept beside it. */
type Known = {
  tenures: Map<string, KnownTenure>
  usage: Map<string, Seen>
  totals: Map<string, bigint>
  /** When the last reading of a user that the ledger took was given. */
  lastTold: Map<number, number>
  /** Bytes that users brought along at first sight, by account. */
  appeared: Map<string, bigint>
  /** What each account proved when all was at rest: its total, and each witness. */
  proven: Map<string, Proof>
}

/** `users`: without what users brought along. */
type Proof = { total: bigint; counted: bigint; users: bigint }

/** A claim of the ledger that does not hold. */
export class BrokenClaim extends Error {}

/** Fails the run with a sentence that says what is wrong. */
export function claim(holds: boolean, what: string): void {
  if (!holds) throw new BrokenClaim(what)
}

/**
 * Books kept independently of the ledger. From the tables it learns which answers of the panel the ledger has taken;
 * what follows from them it works out itself, from what the panel really told, and compares.
 */
export class Books {
  private known: Known = {
    tenures: new Map(),
    usage: new Map(),
    totals: new Map(),
    lastTold: new Map(),
    appeared: new Map(),
    proven: new Map(),
  }
  private readonly panel: VirtualPanel

  constructor(panel: VirtualPanel) {
    this.panel = panel
  }

  remember(): Known {
    return structuredClone(this.known)
  }

  /** The ledger knows only what it knew then: its totals may fall to those, and count on from there. */
  forget(known: Known): void {
    this.known = structuredClone(known)
    // What was proven when all was at rest is kept by the readings that came after it, and those may be lost.
    this.known.proven.clear()
  }

  /** Takes note of what a transaction of an operation, which was given `samples`, has changed; and checks it. */
  observe(rows: LedgerRows, samples: Samples): void {
    const seenBefore = new Set(this.known.lastTold.keys())
    for (const tenure of rows.tenures) this.observeTenure(tenure, seenBefore, samples)
    for (const account of rows.accounts) {
      this.observeUsage(account, samples)
      const before = this.known.totals.get(account.id) ?? 0n
      claim(account.total >= before, `the total of ${account.admin} fell from ${before} to ${account.total}`)
      this.known.totals.set(account.id, account.total)
      const users = this.countedOf(rows, account.id)
      claim(
        account.usersCounted === users,
        `the users of ${account.admin} showed ${users} bytes, ${account.usersCounted} were counted`,
      )
    }
    for (const admin of new Set(rows.accounts.map((account) => account.admin))) {
      const charged = rows.accounts
        .filter((account) => account.admin === admin)
        .reduce((sum, account) => sum + account.total, 0n)
      const truth = this.panel.truth(admin)
      claim(charged <= truth, `${admin} was charged ${charged} bytes, its users consumed ${truth}`)
    }
  }

  /**
   * At rest, everything read and booked: the total must be all that the users showed, and all that the panel's counter
   * showed since the last time.
   *
   * @param isWhole whether the panel has the admin, so that the counter could be read, and all its users could be.
   */
  atRest(rows: LedgerRows, isWhole: (admin: string) => boolean): void {
    for (const account of rows.accounts) {
      const { counted } = this.known.usage.get(account.id) ?? { counted: 0n }
      const before: Proof = this.known.proven.get(account.id) ?? { total: 0n, counted: 0n, users: 0n }
      const all = this.countedOf(rows, account.id)
      const users = all - (this.known.appeared.get(account.id) ?? 0n)
      // What either has seen since is beyond what both together had proven.
      const since = max(counted - before.counted, users - before.users)
      const least = max(all, before.total + since)
      claim(
        account.total >= least,
        `at rest the total of ${account.admin} is ${account.total}, and the witnesses prove ${least}`,
      )
      if (isWhole(account.admin) && !account.isClosed) {
        this.known.proven.set(account.id, { total: account.total, counted, users })
      }
    }
  }

  /** The panel has said at `at` that it has no user `name`: who was current before is so no longer, unless it was read since. */
  checkGone(rows: LedgerRows, { name, at }: Samples['gone'][number]): void {
    const { panel } = this
    for (const row of rows.tenures) {
      const known = this.known.tenures.get(row.id)
      if (row.username !== name || !row.isOpen || !known?.isOpen) continue
      const isThere = panel.users.get(name)?.createdAt === row.createdAt
      claim(isThere || known.at > at, `a user is current that was found to be gone: ${show(row)}`)
    }
  }

  /** A call has set back the counters of users that it had read, and says so: each of them has been read since, or waits for it. */
  checkReset(rows: LedgerRows, { user, since, at, isReached }: Samples['resets'][number]): void {
    for (const row of isReached ? rows.tenures : []) {
      const known = this.known.tenures.get(row.id)
      const wasThere = known?.isOpen && row.isOpen && known.user === user.id && known.since < since
      if (!wasThere || row.admin !== user.owner) continue
      claim(row.resetPending || known.at > at, `nobody noted that a counter was set back: ${show(row)}`)
    }
  }

  private observeTenure(row: TenureRow, seenBefore: Set<number>, samples: Samples): void {
    const before = this.known.tenures.get(row.id)
    if (before?.answered === row.answered) {
      claim(before.counted === row.counted, `the bytes of a user changed without a reading: ${show(row)}`)
      return
    }
    const hasEnded = before?.isOpen === true && !row.isOpen
    if (hasEnded) {
      claim(before.counted === row.counted, `the bytes of a user changed at its end: ${show(row)}`)
      claim(!this.isThereUnread(row, samples), `a user ended that is there and cannot be read: ${show(row)}`)
      claim(!row.resetPending, `a tenure that has ended waits for a reset: ${show(row)}`)
      this.known.tenures.set(row.id, { ...before, isOpen: false, isReset: false, answered: row.answered })
      return
    }
    if (row.resetPending) {
      this.observeReset(row, before, samples)
      return
    }
    const sample = samples.users.findLast(
      ({ user }) =>
        user.createdAt === row.createdAt && user.owner === row.admin && user.lifetime === row.reading,
    )
    if (!sample) throw new BrokenClaim(`a reading was stored that the panel never gave: ${show(row)}`)
    const last = this.known.lastTold.get(sample.user.id)
    claim(
      last === undefined || sample.at > last,
      `an older reading was taken after a newer one: ${show(row)}`,
    )
    this.known.lastTold.set(sample.user.id, sample.at)
    this.panel.accept(sample.user, before?.isReset)
    // A tenure that was open rises; a new user brings its whole past; who moved or came back is anchored.
    const rise = before?.isOpen === true ? riseOf(before, row.reading) : 0n
    const counted = before ? before.counted + rise : seenBefore.has(sample.user.id) ? 0n : row.reading
    const isKept = !before && this.isBroughtBack(sample.user) && row.counted === 0n
    claim(counted === row.counted || isKept, `the panel showed ${counted} bytes of ${show(row)}`)
    if (!before && row.adminId !== null) {
      this.known.appeared.set(row.adminId, (this.known.appeared.get(row.adminId) ?? 0n) + row.counted)
    }
    this.known.tenures.set(row.id, {
      counted: row.counted,
      reading: row.reading,
      at: sample.at,
      answered: row.answered,
      isOpen: row.isOpen,
      isReset: false,
      user: sample.user.id,
      name: row.username,
      since: before?.isOpen ? before.since : sample.at,
      latestCreation: before && before.latestCreation > row.createdAt ? before.latestCreation : row.createdAt,
    })
  }

  /** Whether a backup brought the user back, and one created later was seen under its name: who it is cannot be told. */
  private isBroughtBack({ name, createdAt }: Samples['users'][number]['user']): boolean {
    const successors = [...this.known.tenures.values()].filter((tenure) => tenure.name === name)
    return this.panel.hasRestored && successors.some((tenure) => tenure.latestCreation > createdAt)
  }

  /** Whether the panel has this user, as it was, and nobody can read it: that proves nothing of it. */
  private isThereUnread(row: TenureRow, samples: Samples): boolean {
    const isSeen = samples.users.some(({ user }) => user.createdAt === row.createdAt)
    return (
      !isSeen &&
      !this.panel.hasRestored &&
      this.panel.unreadable().some((user) => user.createdAt === row.createdAt && user.owner === row.admin)
    )
  }

  /** The ledger has noted that the panel says it set this counter back; it counts nothing by that alone. */
  private observeReset(row: TenureRow, before: KnownTenure | undefined, samples: Samples): void {
    const last = this.known.lastTold.get(before?.user ?? -1) ?? 0
    const reset = samples.resets.findLast(({ user }) => user.id === before?.user)
    if (!reset || !before?.isOpen) throw new BrokenClaim(`nobody has set back this counter: ${show(row)}`)
    claim(last > reset.since, `a reset was noted of a counter that was not read before: ${show(row)}`)
    claim(before.counted === row.counted, `the bytes of a user changed at a reset: ${show(row)}`)
    claim(before.reading === row.reading, `a counter was read by nobody: ${show(row)}`)
    this.known.lastTold.set(before.user, reset.at)
    this.known.tenures.set(row.id, { ...before, answered: row.answered, isReset: true })
  }

  private observeUsage(account: LedgerRows['accounts'][number], samples: Samples): void {
    const before = this.known.usage.get(account.id) ?? { counted: 0n, reading: 0n, at: 0, answered: '0' }
    if (before.answered === account.panelAnswered) return
    const sample = samples.usage.findLast(
      ({ admin, bytes }) => admin === account.admin && bytes === account.panelReading,
    )
    if (!sample) throw new BrokenClaim(`a counter was stored that the panel never gave: ${account.admin}`)
    claim(sample.at > before.at, `an older counter of ${account.admin} was taken after a newer one`)
    const rise = sample.bytes > before.reading ? sample.bytes - before.reading : 0n
    const counted = before.counted + rise
    claim(
      counted === account.panelCounted,
      `the counter of ${account.admin} showed ${counted} bytes, ${account.panelCounted} were counted`,
    )
    this.known.usage.set(account.id, {
      counted,
      reading: sample.bytes,
      at: sample.at,
      answered: account.panelAnswered,
    })
  }

  private countedOf(rows: LedgerRows, adminId: string): bigint {
    return rows.tenures
      .filter((tenure) => tenure.adminId === adminId)
      .reduce((sum, { id }) => sum + (this.known.tenures.get(id)?.counted ?? 0n), 0n)
  }
}

/** What a counter shows beyond its last reading; where the panel said that it set it back, a fall shows what came after. */
function riseOf(before: Seen & { isReset: boolean }, reading: bigint): bigint {
  if (reading >= before.reading) return reading - before.reading
  return before.isReset ? reading : 0n
}

function show(row: TenureRow): string {
  return `${row.username} of ${row.admin}, reading ${row.reading}, counted ${row.counted}`
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b
}
