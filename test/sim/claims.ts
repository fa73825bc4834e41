import { inconsistentAccounts } from '../support/stored-sums.ts'
import { Books, claim } from './books.ts'
import type { SimDatabase } from './database.ts'
import type { Request } from './exchange.ts'
import { checkHeldUsers } from './hold-claims.ts'
import { LimitBooks } from './limit-books.ts'
import { type LimitRows, readLimitRows } from './limit-rows.ts'
import type { Samples, VirtualPanel } from './panel.ts'
import { type Act, environment } from './panel-api.ts'
import type { Operation } from './point.ts'
import { Receipts, readReceipts } from './receipts.ts'
import { type LedgerRows, readRows } from './rows.ts'
import { UnderWay } from './under-way.ts'

type Memory = ReturnType<Books['remember']>

/** All that the ledger claims, checked whenever something happens. */
export class Claims {
  /** Bytes may be proven by no witness any more. */
  mayLoseBytes = false
  /** How often a service was killed, or lost its database. */
  interruptions = 0
  private readonly database: SimDatabase
  private readonly panel: VirtualPanel
  private readonly books: Books
  private readonly receipts: Receipts
  private readonly underWay: UnderWay
  private readonly limits = new LimitBooks()
  private closed = 0

  constructor(database: SimDatabase, panel: VirtualPanel) {
    this.database = database
    this.panel = panel
    this.books = new Books(panel)
    this.receipts = new Receipts(panel)
    this.underWay = new UnderWay(panel)
  }

  remember(): Memory {
    return this.books.remember()
  }

  async forget(memory: Memory): Promise<void> {
    this.books.forget(memory)
    this.receipts.forget(await readReceipts(this.database.db))
    this.limits.forget(await readLimitRows(this.database.db))
  }

  /** After each transaction of an operation. */
  async afterCommit(operation: { name: string; samples: Samples }): Promise<void> {
    const { db } = this.database
    const [rows, receipts, limits, inconsistent] = await Promise.all([
      readRows(db),
      readReceipts(db),
      readLimitRows(db),
      inconsistentAccounts(db),
    ])
    this.books.observe(rows, operation.samples)
    this.receipts.observe(receipts, operation.name, {
      samples: operation.samples,
      interruptions: this.interruptions,
    })
    this.checkLimits(limits, operation)
    claim(inconsistent.length === 0, 'the parts of a total are not the total')
    if (!this.panel.hasRestored) this.checkClosed(rows)
  }

  /** After an operation that has said what it was told: who is gone, or that counters were set back. */
  async afterEnd({ samples: { gone, resets } }: { samples: Samples }): Promise<void> {
    if (this.panel.hasRestored) return
    const rows = await readRows(this.database.db)
    for (const one of gone) this.books.checkGone(rows, one)
    // An admin of the caller's name, as the panel reads it, may have been meant: then only the next readings can tell.
    const isClear = this.panel.database === 'sqlite' && !this.panel.usage.has(environment)
    for (const one of isClear ? resets : []) this.books.checkReset(rows, one)
  }

  private checkLimits(rows: LimitRows, { name }: { name: string }): void {
    this.limits.observe(rows, ` ${name} `)
    const closed = rows.accounts.filter(({ isClosed }) => isClosed).length
    // What was held of a closed account stays disabled; what had left it before is given back.
    if (closed > this.closed) this.panel.mayStayDisabled()
    this.closed = closed
  }

  /** `by` sends a request to the panel. */
  onSent(request: Request, by: Operation): void {
    this.underWay.onSent(request, by)
  }

  onOver(request: Request): void {
    this.underWay.onOver(request)
  }

  /** Right before the panel acts. Nothing that bytes depend on is forgotten before it was read. */
  async before(act: Act, samples: Samples): Promise<void> {
    const { panel } = this
    const receipts = (await readReceipts(this.database.db)).filter(({ isFinished }) => !isFinished)
    switch (act.of) {
      case 'delete user': {
        const own = receipts.filter(({ kind, username }) => kind === 'user' && username === act.user)
        const isPreserved = own.some(
          ({ preserveTraffic, finalReading }) => !preserveTraffic || finalReading !== null,
        )
        claim(isPreserved, `${act.user} was deleted before its bytes were stored`)
        const owner = panel.users.get(act.user)?.owner
        // What it consumed since the final reading is the panel witness's alone to prove.
        const isProven = panel.hasUsage && own.every(({ preserveTraffic }) => preserveTraffic)
        if (!isProven || owner === null) this.mayLoseBytes = true
        return
      }
      case 'delete admin': {
        const { accounts } = await readRows(this.database.db)
        const isKnown = accounts.some(({ admin, isClosed }) => admin === act.admin && !isClosed)
        const isTold = receipts.some(({ kind, admin }) => kind === 'admin' && admin === act.admin)
        claim(!isKnown || isTold, `admin ${act.admin} was deleted without a receipt`)
        return
      }
      case 'reset usage': {
        const { accounts } = await readRows(this.database.db)
        const seen = samples.usage.findLast(({ admin }) => admin === act.admin)?.bytes
        const stored =
          accounts.find(({ admin, isClosed }) => admin === act.admin && !isClosed)?.panelReading ?? 0n
        // Another reset may have come in between: then it has stored what this one was shown.
        const isNews = seen !== undefined && (this.panel.usage.get(act.admin) ?? 0n) >= seen
        claim(seen !== undefined, `the counter of ${act.admin} was set back without having been read`)
        claim(
          !isNews || stored >= seen,
          `the counter of ${act.admin} was set back, and its reading was not stored`,
        )
        return
      }
      case 'move user':
        return claim(
          samples.users.some(({ user }) => user.name === act.user),
          `${act.user} was moved without having been read`,
        )
    }
  }

  /** Everything has been read and booked, and nothing is under way. */
  async atRest(): Promise<void> {
    const { panel } = this
    const rows = await readRows(this.database.db)
    const unreadable = panel.unreadable()
    const names = new Set(unreadable.map(({ name }) => name))
    // A user that cannot be read may have moved without anybody having seen it: its last known admin is not read whole either.
    const kept = rows.tenures.filter(({ isOpen, username }) => isOpen && names.has(username))
    const spoilt = new Set([...unreadable.map(({ owner }) => owner), ...kept.map(({ admin }) => admin)])
    this.books.atRest(rows, (admin) => panel.usage.has(admin) && !spoilt.has(admin))
    this.receipts.atRest(await readReceipts(this.database.db))
    this.checkRead(rows)
    this.checkCurrent(rows, names)
    const limitRows = await readLimitRows(this.database.db)
    this.limits.atRest(limitRows)
    checkHeldUsers(this.panel, limitRows)
    if (this.mayLoseBytes || (panel.isHidingBytes && !panel.hasUsage)) return
    for (const { admin, total } of rows.accounts) {
      const truth = panel.truth(admin)
      claim(total === truth, `at rest the total of ${admin} is ${total}, the truth is ${truth}`)
    }
  }

  /** One who cannot be read keeps nobody else from being read. */
  private checkRead({ tenures, accounts }: LedgerRows): void {
    const { panel } = this
    const unreadable = new Set(panel.unreadable().map(({ id }) => id))
    for (const [admin, usage] of panel.usage) {
      const account = accounts.find((one) => one.admin === admin && !one.isClosed)
      claim(
        account?.panelReading === (panel.hasUsage ? usage : null),
        `at rest the counter of ${admin} was not read`,
      )
    }
    for (const { id, name, createdAt, owner, lifetime } of panel.report()) {
      if (owner === null || unreadable.has(id)) continue
      const isRead = tenures.some(
        (tenure) =>
          tenure.isOpen &&
          tenure.username === name &&
          tenure.createdAt === createdAt &&
          tenure.admin === owner &&
          tenure.reading === lifetime,
      )
      claim(isRead, `at rest user ${name} of ${owner} was not read`)
    }
  }

  /** Users are current only with admins that are there, and only who is there. */
  private checkCurrent({ tenures, accounts }: LedgerRows, unreadable: ReadonlySet<string>): void {
    const { panel } = this
    const closed = new Set(accounts.filter(({ isClosed }) => isClosed).map(({ id }) => id))
    for (const { username, adminId, admin, createdAt } of tenures.filter(({ isOpen }) => isOpen)) {
      if (adminId === null || admin === null || unreadable.has(username)) continue
      claim(!closed.has(adminId), `at rest ${username} is a current user of the closed account of ${admin}`)
      if (!panel.usage.has(admin)) continue
      const user = panel.users.get(username)
      const isThere = user?.createdAt === createdAt && user.owner === admin
      claim(
        isThere,
        `at rest ${username} is a current user of ${admin}, and the panel does not have it there`,
      )
    }
  }

  /** An account is closed only for an admin that is gone. */
  private checkClosed({ accounts }: LedgerRows): void {
    for (const admin of new Set(accounts.map((account) => account.admin))) {
      const closed = accounts.filter((account) => account.admin === admin && account.isClosed).length
      const deaths = this.panel.adminDeaths.get(admin) ?? 0
      claim(closed <= deaths, `the account of ${admin} was closed, which exists`)
    }
  }
}
