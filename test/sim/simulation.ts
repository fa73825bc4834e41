import { marzbanApi } from '../../src/panel/marzban/api.ts'
import { type Books, BrokenClaim } from './books.ts'
import { admins, lagSeconds, users } from './cast.ts'
import { Claims } from './claims.ts'
import type { Connections } from './connections.ts'
import type { SimDatabase } from './database.ts'
import { epilogue } from './epilogue.ts'
import type { Stage } from './episodes.ts'
import { readLimitRows } from './limit-rows.ts'
import { databaseOf } from './line.ts'
import { losesBytes } from './losing.ts'
import { perform } from './operations.ts'
import { type Unanswered, VirtualPanel } from './panel.ts'
import { environment } from './panel-api.ts'
import { play } from './play.ts'
import type { Fault, Point } from './point.ts'
import { Replicas } from './replicas.ts'
import { comeToRest, enforceAll, type Resting, silentMs } from './rest.ts'
import { Scheduler } from './scheduler.ts'
import { lineOf, type Step, type Work } from './steps.ts'
import { isService, newTask, type Task, wireOf } from './task.ts'
import { clientOver, forwarderOver, graceMs, timeoutMs } from './wire.ts'

type Memory = { books: ReturnType<Books['remember']>; panel: ReturnType<VirtualPanel['remember']> }

const beginning = Date.UTC(2026, 0, 1)

/** One panel, one ledger, and the replicas that work on it; everything that happens is a step. */
export class Simulation {
  /** What happened, a line each. */
  readonly trace: string[] = []
  private readonly panel = new VirtualPanel([...admins], lagSeconds * 1000)
  private readonly claims: Claims
  private readonly scheduler: Scheduler
  private tasks: Task[] = []
  /** Work that has ended, and has said what it was told. */
  private told: Task[] = []
  private readonly replicas: Replicas
  private backup: Memory | null = null
  /** How often work that holds users, or gives them back, has begun. */
  private enforcements = 0
  private broken: unknown = null
  private readonly database: SimDatabase
  private readonly connections: Connections

  constructor(database: SimDatabase, connections: Connections) {
    this.database = database
    this.claims = new Claims(database, this.panel)
    this.panel.isEnforcing = () =>
      this.running().some(({ work }) => isService(work)) || this.panel.unansweredChanges().length > 0
    this.connections = connections
    this.replicas = new Replicas(database, { ms: lagSeconds * 1000, now: () => this.panel.now })
    this.scheduler = new Scheduler(database, {
      onCommit: (operation) => this.watch(() => this.claims.afterCommit(operation as Task)),
      // All lock rows in one order.
      onDeadlock: (waiting) => {
        this.broken ??= new BrokenClaim(`two wait for each other: ${waiting.join('; ')}`)
      },
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
      for (const task of this.told.splice(0)) await this.watch(() => this.claims.afterEnd(task))
      if (this.broken) throw this.broken
    }
  }

  /** Ends what is under way, so that its connections are free again. */
  async abandon(): Promise<void> {
    await this.scheduler.crash(this.running(), { committed: false, late: false })
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
        return play(this.stage(), step)
    }
  }

  private async start(replica: number, work: Work): Promise<Task> {
    const task = newTask(work, { replica, enforcements: this.enforcements, began: this.panel.now })
    if (isService(work)) this.enforcements += 1
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
    if (late) await this.act(late)
  }

  private async act(late: Unanswered): Promise<void> {
    const { act, request } = late
    late.act = null
    this.trace.push(`  // late: ${request.method} ${request.path}`)
    await act?.()
    const user = late.user && this.panel.userNamed(late.user.name)
    const { services } = this.panel
    if (user && user.id !== late.user?.id) services.mayBeMeant(user.id, services.of(user.id))
  }

  private end(task: Task, outcome: string): void {
    if (task.state !== 'running') return
    task.state = 'ended'
    task.outcome = outcome
    if (outcome === 'done') this.settleEdits(task)
    this.trace.push(`  // ${task.name}: ${outcome}`)
    const { of } = task.work
    const isOfGone = of === 'delete user' && outcome.startsWith('not_found')
    if (isOfGone || (of === 'front: reset all' && outcome === 'done' && !task.hasFailed)) this.told.push(task)
  }

  /** The service has noted that a caller disabled a user: it stays so, unless the service was changing users meanwhile. */
  private settleEdits({ work, samples, enforcements }: Task): void {
    const isCall = work.of === 'front: edit user' || work.of === 'front: disable users'
    if (!isCall || enforcements !== this.enforcements || this.panel.isEnforcing()) return
    for (const { id, changes } of samples.edits) {
      if (this.panel.services.changesOf(id) === changes) this.panel.services.settle(id)
    }
  }

  private running(): Task[] {
    return this.tasks.filter(({ state }) => state === 'running')
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
    if (point?.kind === 'statement') this.claims.interruptions += 1
    if (point) await this.go(point, fault)
  }

  private stage(): Stage {
    return {
      panel: this.panel,
      start: (replica, work) => this.start(replica, work),
      next: (task) => (this.broken ? undefined : this.scheduler.runnable(task)[0]),
      go: (point, fault) => this.go(point, fault),
      crash: (replica, how) => this.crash(replica, how),
      limitRows: () => readLimitRows(this.database.db),
      comeToRest: () => this.comeToRest(),
      pass: (ms) => this.pass(ms),
    }
  }

  private async go(point: Point, fault: Fault | null = null): Promise<void> {
    this.trace.push(
      `  // ${point.operation.name}: ${point.kind} ${point.label}${fault ? ` fails ${fault}` : ''}`,
    )
    const task = point.operation as Task
    task.hasFailed ||= fault !== null
    await this.scheduler.go(point, fault)
  }

  private async crash(replica: number, how: { committed: boolean; late: boolean }): Promise<void> {
    const own = this.tasks.filter((task) => task.replica === replica && task.state === 'running')
    this.claims.interruptions += 1
    await this.scheduler.crash(own, how)
    await this.replicas.end(replica)
  }

  private async restoreLedger(): Promise<void> {
    if (!this.backup) return
    for (const replica of this.replicas.numbers())
      await this.crash(replica, { committed: false, late: false })
    await this.database.load('backup')
    this.told = []
    await this.claims.forget(this.backup.books)
    this.panel.forget(this.backup.panel)
    this.panel.loseTrack()
  }

  /** Time passes; what the panel has not booked yet it books in time. */
  private async pass(ms: number): Promise<void> {
    // The panel carries out changes of users as long as the service reckons with them, and no longer.
    for (const late of this.panel.unansweredChanges()) {
      if (late.at + graceMs < this.panel.now + ms) await this.act(late)
    }
    this.panel.pass(ms)
    // Nothing takes a living service so long; others take it for stopped.
    const silentSince = this.panel.now - silentMs
    if (this.running().some(({ began }) => began < silentSince)) this.claims.interruptions += 1
    await this.database.setTime(beginning + this.panel.now)
  }

  private async comeToRest(): Promise<void> {
    const rest: Resting = {
      panel: this.panel,
      isBroken: () => this.broken !== null,
      endAll: async () => {
        while (this.scheduler.runnable().length > 0 && !this.broken) await this.letRun(0, 'end')
      },
      pass: (ms) => this.pass(ms),
      finish: (work) => this.finish(work),
      complete: (work) => this.complete(work),
      check: (what) => void this.watch(what),
      actLate: () => this.actLate(0),
    }
    await comeToRest(rest)
    await enforceAll(rest, () => readLimitRows(this.database.db))
    if (!this.broken) await this.watch(() => this.claims.atRest())
  }

  private async complete(work: Work): Promise<void> {
    const task = await this.finish(work)
    // A deletion may wait for who cannot be read, and what asks for users by name for one about whom the panel is silent.
    const isSilence = task.outcome?.startsWith('panel_timeout') === true && this.panel.isSilentAboutSomebody()
    const mayWait = isSilence || (work.of.includes('deletions') && this.panel.unreadable().length > 0)
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
