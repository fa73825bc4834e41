import { inconsistentAccounts } from '../support/stored-sums.ts'
import { Books, BrokenClaim, claim } from './books.ts'
import type { Connections } from './connections.ts'
import type { SimDatabase } from './database.ts'
import { forwarderOf } from './forwarder.ts'
import { databaseOf } from './line.ts'
import { losesBytes } from './losing.ts'
import { perform } from './operations.ts'
import { clientOf, type Samples, VirtualPanel } from './panel.ts'
import type { Fault, Operation, Point } from './point.ts'
import { Replicas } from './replicas.ts'
import { readDeletions, readReceipts, readRows } from './rows.ts'
import { Scheduler } from './scheduler.ts'
import { admins, epilogue, lagSeconds, lineOf, type Step, users, type Work } from './steps.ts'

type Task = Operation & { work: Work; samples: Samples; outcome: string | null }
type Memory = { books: ReturnType<Books['remember']>; panel: ReturnType<VirtualPanel['remember']> }

/** Milliseconds after which the panel client gives a call up. */
const timeoutMs = 10_000
/** After which a deletion that nobody goes on with counts as abandoned. */
const silentMs = 15 * 60_000
const beginning = Date.UTC(2026, 0, 1)

/** One panel, one ledger, and the replicas that work on it; everything that happens is a step. */
export class Simulation {
  /** What happened, a line each. */
  readonly trace: string[] = []
  private readonly panel = new VirtualPanel([...admins], lagSeconds * 1000)
  private readonly books = new Books(this.panel)
  private readonly scheduler: Scheduler
  private tasks: Task[] = []
  private readonly replicas: Replicas
  private backup: Memory | null = null
  private mayLoseBytes = false
  private broken: unknown = null
  private readonly database: SimDatabase
  private readonly connections: Connections

  constructor(database: SimDatabase, connections: Connections) {
    this.database = database
    this.connections = connections
    this.replicas = new Replicas(database, { ms: lagSeconds * 1000, now: () => this.panel.now })
    this.scheduler = new Scheduler(database, {
      onCommit: (operation) => this.check(operation as Task),
      onHang: () => this.pass(timeoutMs),
    })
    users.forEach((user, index) => {
      this.panel.create(user, admins[index % admins.length] ?? null)
    })
  }

  /** Lets `history` happen, brings everything to rest and checks that nothing is missing. */
  async run(history: readonly Step[]): Promise<void> {
    await this.database.load('empty')
    await this.pass(0)
    for (const step of [...history, ...epilogue]) {
      this.trace.push(lineOf(step))
      if (losesBytes(step)) this.mayLoseBytes = true
      await this.take(step)
      if (this.broken) throw this.broken
    }
  }

  /** Ends what is under way, so that its connections are free again. */
  async abandon(): Promise<void> {
    await this.scheduler.crash(
      this.tasks.filter(({ state }) => state === 'running'),
      false,
    )
  }

  private async take(step: Step): Promise<void> {
    const { panel } = this
    switch (step.do) {
      case 'consume':
        return panel.consume(step.user, BigInt(step.bytes))
      case 'book usage':
        return panel.book()
      case 'create user':
        if (step.owner === null || panel.usage.has(step.owner)) panel.create(step.user, step.owner)
        return
      case 'wait':
        return this.pass(step.seconds * 1000)
      case 'start':
        await this.start(step.replica, step.work)
        return
      case 'run':
        return this.letRun(step.pick, step.until)
      case 'fail':
        return this.fail(step.pick, step.fault)
      case 'crash':
        return this.crash(step.replica, step.committed)
      case 'come to rest':
        return this.comeToRest()
      case 'remove user':
        return panel.remove(step.user)
      case 'move user':
        if (step.owner === null || panel.usage.has(step.owner)) panel.move(step.user, step.owner)
        return
      case 'reset user':
        // The counter that the ledger reads stays as it is.
        return
      case 'reset all users':
        return panel.resetAll()
      case 'lose bookings':
        return panel.loseBookings()
      case 'reset usage':
        if (panel.usage.has(step.admin)) panel.resetUsage(step.admin)
        return
      case 'remove admin':
        panel.deleteAdmin(step.admin)
        return
      case 'create admin':
        return panel.createAdmin(step.admin)
      case 'back up panel':
        return panel.takeBackup()
      case 'restore panel':
        return panel.restoreBackup()
      case 'back up ledger':
        await this.database.save('backup')
        this.backup = { books: this.books.remember(), panel: panel.remember() }
        return
      case 'restore ledger':
        return this.restoreLedger()
    }
  }

  private async start(replica: number, work: Work): Promise<Task> {
    const task: Task = {
      replica,
      name: `replica ${replica}: ${Object.values(work).join(' ')}`,
      lines: new Set(),
      state: 'running',
      work,
      samples: { users: [], usage: [], resets: [] },
      outcome: null,
    }
    this.tasks.push(task)
    const told = {
      samples: task.samples,
      beforeDeletion: (username: string) => this.checkPreserved(username),
    }
    const place = {
      db: databaseOf(task, this.scheduler, this.connections),
      panel: clientOf(this.panel, task, this.scheduler, told),
      forwarder: forwarderOf(this.panel, task, this.scheduler, {
        ...told,
        by: 'by' in work ? work.by : null,
        expired: 'users' in work ? work.users : [],
      }),
      ...(await this.replicas.get(replica)),
      now: () => beginning + this.panel.now,
    }
    perform(work, place).then(
      (outcome) => this.end(task, outcome),
      (error: unknown) => {
        this.broken ??= error
        this.end(task, String(error))
      },
    )
    await this.scheduler.rest()
    return task
  }

  private end(task: Task, outcome: string): void {
    if (task.state !== 'running') return
    task.state = 'ended'
    task.outcome = outcome
    this.trace.push(`  // ${task.name}: ${outcome}`)
  }

  private async letRun(pick: number, until: 'statement' | 'call' | 'end'): Promise<void> {
    const points = this.scheduler.runnable()
    const first = points[pick % Math.max(1, points.length)]
    if (!first) return
    await this.go(first)
    while (until !== 'statement' && !this.broken) {
      const [next] = this.scheduler.runnable(first.operation)
      if (!next || (until === 'call' && next.kind !== 'statement')) return
      await this.go(next)
    }
  }

  private async fail(pick: number, fault: Fault): Promise<void> {
    const points = this.scheduler.runnable().filter(({ label }) => label !== 'rollback')
    const point = points[pick % Math.max(1, points.length)]
    if (point) await this.go(point, fault)
  }

  private async go(point: Point, fault: Fault | null = null): Promise<void> {
    this.trace.push(
      `  // ${point.operation.name}: ${point.kind} ${point.label}${fault ? ` fails ${fault}` : ''}`,
    )
    await this.scheduler.go(point, fault)
  }

  private async crash(replica: number, committed: boolean): Promise<void> {
    const own = this.tasks.filter((task) => task.replica === replica && task.state === 'running')
    await this.scheduler.crash(own, committed)
    await this.replicas.end(replica)
  }

  private async restoreLedger(): Promise<void> {
    if (!this.backup) return
    for (const replica of this.replicas.numbers()) await this.crash(replica, false)
    await this.database.load('backup')
    this.books.forget(this.backup.books)
    this.panel.forget(this.backup.panel)
  }

  /** Time passes; what the panel has not booked yet it books in time. */
  private async pass(ms: number): Promise<void> {
    this.panel.pass(ms)
    await this.database.setTime(beginning + this.panel.now)
  }

  /** Everything under way ends, deletions are carried out or settled, and the panel is read when it has booked all. */
  private async comeToRest(): Promise<void> {
    while (this.scheduler.runnable().length > 0 && !this.broken) await this.letRun(0, 'end')
    // A receipt whose commit was never acknowledged looks under way for as long as its service lives.
    await this.pass(silentMs)
    await this.complete({ of: 'settle deletions' })
    await this.complete({ of: 'go on with bulk deletions' })
    await this.pollAndWait()
    for (const admin of admins) await this.complete({ of: 'scan', admin })
    await this.pollAndWait()
    if (!this.broken) await this.checkAtRest()
  }

  /** What the last scans have seen is compared with the counters once the lag has passed since a poll met it. */
  private async pollAndWait(): Promise<void> {
    await this.complete({ of: 'poll' })
    await this.pass(lagSeconds * 1000)
    await this.complete({ of: 'poll' })
  }

  private async complete(work: Work): Promise<void> {
    const task = await this.start(0, work)
    while (task.state === 'running' && !this.broken) {
      const [next] = this.scheduler.runnable(task)
      if (!next) throw new BrokenClaim(`${task.name} does not come to its end`)
      await this.scheduler.go(next)
    }
    if (task.outcome !== 'done') this.broken ??= new BrokenClaim(`${task.name} failed: ${task.outcome}`)
  }

  private async check(task: Task): Promise<void> {
    try {
      this.books.observe(await readRows(this.database.db), task.samples)
      const inconsistent = await inconsistentAccounts(this.database.db)
      claim(inconsistent.length === 0, 'the parts of a total are not the total')
    } catch (error) {
      this.broken ??= error
    }
  }

  /** Nothing asked of the ledger may reach the panel before the final reading is durable. */
  private async checkPreserved(username: string): Promise<void> {
    const receipts = await readReceipts(this.database.db, username)
    const isPreserved = receipts.some(
      ({ preserveTraffic, state, finalReading }) =>
        !preserveTraffic || (state === 'preserved' && finalReading !== null),
    )
    if (!isPreserved) this.broken ??= new BrokenClaim(`${username} was deleted before its bytes were stored`)
    const owner = this.panel.users.get(username)?.owner
    // What it consumed since the final reading is the panel witness's alone to prove.
    if (receipts.some(({ preserveTraffic }) => !preserveTraffic) || owner === null) this.mayLoseBytes = true
  }

  private async checkAtRest(): Promise<void> {
    const rows = await readRows(this.database.db)
    this.books.atRest(rows, (admin) => this.panel.usage.has(admin))
    const { unfinished, deleted } = await readDeletions(this.database.db)
    claim(unfinished === 0, `${unfinished} deletions have not ended`)
    const alive = deleted.find(
      ({ username, createdAt }) => this.panel.users.get(username ?? '')?.createdAt === createdAt,
    )
    claim(this.panel.hasRestored || !alive, `a receipt calls ${alive?.username} deleted, which exists`)
    if (this.mayLoseBytes) return
    for (const { admin, total } of rows.accounts) {
      const truth = this.panel.truth(admin)
      claim(total === truth, `at rest the total of ${admin} is ${total}, the truth is ${truth}`)
    }
  }
}
