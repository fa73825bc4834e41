import { marzbanApi } from '../../src/panel/marzban/api.ts'
import { type Books, BrokenClaim } from './books.ts'
import { Claims } from './claims.ts'
import type { Connections } from './connections.ts'
import type { SimDatabase } from './database.ts'
import { epilogue } from './epilogue.ts'
import { pollDuringScan, resetWhileAdminAppears, type Stage, seeStale, startBadly } from './episodes.ts'
import { happen } from './happenings.ts'
import { databaseOf } from './line.ts'
import { losesBytes } from './losing.ts'
import { perform } from './operations.ts'
import { VirtualPanel } from './panel.ts'
import { environment } from './panel-api.ts'
import type { Fault, Point } from './point.ts'
import { Replicas } from './replicas.ts'
import { Scheduler } from './scheduler.ts'
import { admins, lagSeconds, lineOf, type Step, users, type Work } from './steps.ts'
import { noSamples, type Task, wireOf } from './task.ts'
import { clientOver, forwarderOver, graceMs, timeoutMs } from './wire.ts'
import { seeAfterScan, showByOneEach } from './witnesses.ts'

type Memory = { books: ReturnType<Books['remember']>; panel: ReturnType<VirtualPanel['remember']> }

/** After which a deletion that nobody goes on with counts as abandoned. */
const silentMs = 15 * 60_000
/** How often open deletions are looked at until none can have anything to wait for. */
const settlingRounds = 3
const beginning = Date.UTC(2026, 0, 1)

/** One panel, one ledger, and the replicas that work on it; everything that happens is a step. */
export class Simulation {
  /** What happened, a line each. */
  readonly trace: string[] = []
  private readonly panel = new VirtualPanel([...admins], lagSeconds * 1000)
  private readonly claims: Claims
  private readonly scheduler: Scheduler
  private tasks: Task[] = []
  private readonly replicas: Replicas
  private backup: Memory | null = null
  private broken: unknown = null
  private readonly database: SimDatabase
  private readonly connections: Connections

  constructor(database: SimDatabase, connections: Connections) {
    this.database = database
    this.claims = new Claims(database, this.panel)
    this.connections = connections
    this.replicas = new Replicas(database, { ms: lagSeconds * 1000, now: () => this.panel.now })
    this.scheduler = new Scheduler(database, {
      onCommit: (operation) => this.watch(() => this.claims.afterCommit(operation as Task)),
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
      if (losesBytes(step)) this.claims.mayLoseBytes = true
      await this.take(step)
      if (this.broken) throw this.broken
    }
  }

  /** Ends what is under way, so that its connections are free again. */
  async abandon(): Promise<void> {
    const running = this.tasks.filter(({ state }) => state === 'running')
    await this.scheduler.crash(running, { committed: false, late: false })
  }

  private async take(step: Step): Promise<void> {
    switch (step.do) {
      case 'wait':
        return this.pass(step.seconds * 1000)
      case 'start':
        await this.start(step.replica, step.work)
        return
      case 'run':
        return this.letRun(step.pick, step.until)
      case 'fail':
        return this.fail(step.pick, step.fault)
      case 'start badly':
        return startBadly(this.stage(), step)
      case 'reset while an admin appears':
        return resetWhileAdminAppears(this.stage(), step)
      case 'poll during a scan':
        return pollDuringScan(this.stage(), step)
      case 'stale sight':
        return seeStale(this.stage(), step)
      case 'first sight after a scan':
        return seeAfterScan(this.stage(), step)
      case 'one witness each':
        return showByOneEach(this.stage(), step)
      case 'crash':
        return this.crash(step.replica, step)
      case 'act late':
        return this.actLate(step.pick)
      case 'come to rest':
        return this.comeToRest()
      case 'back up ledger':
        await this.database.save('backup')
        this.backup = { books: this.claims.remember(), panel: this.panel.remember() }
        return
      case 'restore ledger':
        return this.restoreLedger()
      default:
        return happen(this.panel, step)
    }
  }

  private async start(replica: number, work: Work): Promise<Task> {
    const task: Task = {
      replica,
      name: `replica ${replica}: ${Object.values(work).join(' ')}`,
      lines: new Set(),
      state: 'running',
      work,
      samples: noSamples(),
      outcome: null,
    }
    this.tasks.push(task)
    const wire = wireOf(task, {
      panel: this.panel,
      claims: this.claims,
      gate: this.scheduler,
      watch: (check) => this.watch(check),
      hang: () => this.pass(timeoutMs),
    })
    const place = {
      db: databaseOf(task, this.scheduler, this.connections),
      panel: clientOver(wire),
      api: marzbanApi,
      forwarder: forwarderOver(wire, 'by' in work && work.by !== null ? work.by : environment),
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

  /** The panel carries out one of the requests that nobody waits for any more. */
  private async actLate(pick: number): Promise<void> {
    const left = this.panel.unanswered.filter(({ act }) => act !== null)
    const late = left[pick % Math.max(1, left.length)]
    const act = late?.act
    if (!act) return
    late.act = null
    this.trace.push(`  // late: ${late.request.method} ${late.request.path}`)
    await act()
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

  private stage(): Stage {
    return {
      panel: this.panel,
      start: (replica, work) => this.start(replica, work),
      next: (task) => (this.broken ? undefined : this.scheduler.runnable(task)[0]),
      go: (point, fault) => this.go(point, fault),
      comeToRest: () => this.comeToRest(),
    }
  }

  private async go(point: Point, fault: Fault | null = null): Promise<void> {
    this.trace.push(
      `  // ${point.operation.name}: ${point.kind} ${point.label}${fault ? ` fails ${fault}` : ''}`,
    )
    await this.scheduler.go(point, fault)
  }

  private async crash(replica: number, how: { committed: boolean; late: boolean }): Promise<void> {
    const own = this.tasks.filter((task) => task.replica === replica && task.state === 'running')
    await this.scheduler.crash(own, how)
    await this.replicas.end(replica)
  }

  private async restoreLedger(): Promise<void> {
    if (!this.backup) return
    for (const replica of this.replicas.numbers())
      await this.crash(replica, { committed: false, late: false })
    await this.database.load('backup')
    await this.claims.forget(this.backup.books)
    this.panel.forget(this.backup.panel)
  }

  /** Time passes; what the panel has not booked yet it books in time. */
  private async pass(ms: number): Promise<void> {
    this.panel.pass(ms)
    await this.database.setTime(beginning + this.panel.now)
  }

  /** Nothing is late any more either, and everybody has been looked for since. */
  private async comeToRest(): Promise<void> {
    await this.settle()
    if (this.panel.unanswered.some(({ act }) => act !== null)) {
      while (this.panel.unanswered.some(({ act }) => act !== null)) await this.actLate(0)
      await this.settle()
    }
    if (!this.broken) await this.watch(() => this.claims.atRest())
  }

  /** Everything under way ends, deletions are carried out or settled, and the panel is read when it has booked all. */
  private async settle(): Promise<void> {
    while (this.scheduler.runnable().length > 0 && !this.broken) await this.letRun(0, 'end')
    // A receipt whose commit was never acknowledged looks under way for as long as its service lives.
    await this.pass(silentMs)
    // While the panel may still act on what it has not answered, a deletion waits; and a bulk deletion for its users'.
    for (let round = 1; round < settlingRounds; round += 1) {
      await this.finish({ of: 'settle deletions' })
      await this.finish({ of: 'go on with bulk deletions' })
      await this.pass(graceMs)
    }
    await this.complete({ of: 'settle deletions' })
    await this.complete({ of: 'go on with bulk deletions' })
    await this.pollAndWait()
    for (const admin of [...admins, environment]) await this.complete({ of: 'scan', admin })
    await this.pollAndWait()
  }

  /** What the last scans have seen is compared with the counters once the lag has passed since a poll met it. */
  private async pollAndWait(): Promise<void> {
    await this.complete({ of: 'poll' })
    await this.pass(lagSeconds * 1000)
    await this.complete({ of: 'poll' })
  }

  private async complete(work: Work): Promise<void> {
    const task = await this.finish(work)
    // A deletion may wait for who cannot be read; nothing else does.
    const mayWait = work.of.includes('deletions') && this.panel.unreadable().length > 0
    if (task.outcome !== 'done' && !mayWait) {
      this.broken ??= new BrokenClaim(`${task.name} failed: ${task.outcome}`)
    }
  }

  private async finish(work: Work): Promise<Task> {
    const task = await this.start(0, work)
    while (task.state === 'running' && !this.broken) {
      const [next] = this.scheduler.runnable(task)
      if (!next) throw new BrokenClaim(`${task.name} does not come to its end`)
      await this.scheduler.go(next)
    }
    return task
  }

  private async watch(check: () => void | Promise<void>): Promise<void> {
    try {
      await check()
    } catch (error) {
      this.broken ??= error
    }
  }
}
