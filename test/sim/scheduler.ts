import { setImmediate, setTimeout } from 'node:timers/promises'
import type { SimDatabase } from './database.ts'
import { connectionLost } from './line.ts'
import type { Fault, Gate, Held, Operation, Point } from './point.ts'

type Waiting = Point & { resolve: (value: never) => void; reject: (error: unknown) => void }

/** Two transactions show every conflict; with more the server would choose which of two that wait gets a lock. */
const openAtMost = 2
/** Longer than `deadlock_timeout`. */
const deadlockMs = 3

/**
 * Lets operations go on one at a time. A statement that waits for a lock of the other open transaction is set aside
 * until that one has ended, as the server tells; so what happens depends on the order of the calls alone.
 */
export class Scheduler implements Gate {
  private waiting: Waiting[] = []
  private blocked: { point: Waiting; done: Promise<void> }[] = []
  /** Connections with an open transaction, or with a statement under way outside of one. */
  private open = new Set<Held>()
  private readonly database: SimDatabase
  private readonly told: {
    onCommit: (operation: Operation) => Promise<void>
    /** Operations wait for each other, each before a statement. */
    onDeadlock: (waiting: string[]) => void
  }

  constructor(database: SimDatabase, told: Scheduler['told']) {
    this.database = database
    this.told = told
  }

  /** Called by operations: resolves with what `perform` does, when the scheduler has let it happen. */
  arrive<T>(point: Omit<Point, 'perform'> & { perform: () => Promise<T> }): Promise<T> {
    if (point.operation.state === 'crashed') return new Promise(() => {})
    return new Promise<T>((resolve, reject) => {
      this.waiting.push({ ...point, resolve, reject })
    })
  }

  /** What can go on now, of one operation or of all. */
  runnable(operation?: Operation): Point[] {
    return this.waiting.filter(
      (point) =>
        (operation === undefined || point.operation === operation) &&
        (point.line === null || this.open.has(point.line) || this.open.size < openAtMost),
    )
  }

  /** Lets one of the runnable points happen, and waits until all operations stand still again. */
  async go(point: Point, fault: Fault | null = null): Promise<void> {
    const index = this.waiting.indexOf(point as Waiting)
    const [waiting] = this.waiting.splice(index, 1)
    if (index < 0 || !waiting) throw new Error('this point does not wait')
    if (waiting.line) this.open.add(waiting.line)
    const entry = { point: waiting, done: this.happen(waiting, fault) }
    if (await this.comesBack(entry)) return this.afterwards(waiting)
    this.blocked.push(entry)
    await setTimeout(deadlockMs)
    if (this.blocked.length < this.open.size) return
    // Each waits for the other: the server ends one of them.
    this.told.onDeadlock(this.blocked.map(({ point }) => `${point.operation.name} (${point.label})`))
    await this.wake()
  }

  /** Resolves when all operations stand still. */
  async rest(): Promise<void> {
    await setImmediate()
  }

  /**
   * A replica is gone from one moment to the next; the server rolls back what it had open.
   *
   * @param how whether a commit it was about to send still reaches the server; whether the panel still acts, late, on what
   * it was asked for.
   */
  async crash(operations: readonly Operation[], how: { committed: boolean; late: boolean }): Promise<void> {
    const isGone = ({ operation }: Point) => operations.includes(operation)
    const gone = this.waiting.filter(isGone)
    this.waiting = this.waiting.filter((point) => !isGone(point))
    for (const operation of operations) operation.state = 'crashed'
    for (const point of gone) {
      if (how.late) point.leave?.()
      if (!how.committed || point.label !== 'commit') continue
      await point.perform()
      await this.told.onCommit(point.operation)
    }
    for (const entry of this.blocked.filter(({ point }) => isGone(point))) {
      await this.database.cancel(entry.point.line?.connection?.pid ?? 0)
      await entry.done
    }
    this.blocked = this.blocked.filter(({ point }) => !isGone(point))
    for (const line of operations.flatMap(({ lines }) => [...lines])) {
      await line.lose()
      line.release()
      this.open.delete(line)
    }
    await this.wake()
  }

  private async happen(point: Waiting, fault: Fault | null): Promise<void> {
    try {
      const value =
        fault === null ? await point.perform() : await (point.goWrong?.(fault) ?? this.lose(point, fault))
      if (point.operation.state !== 'crashed') point.resolve(value as never)
    } catch (error) {
      if (point.operation.state !== 'crashed') point.reject(error)
    }
  }

  /** The connection breaks, before the statement has reached the server or after. */
  private async lose(point: Waiting, fault: Fault): Promise<never> {
    if (fault === 'after' || fault === 'hang after') await point.perform()
    await point.line?.lose()
    throw connectionLost()
  }

  private async comesBack({ point, done }: { point: Waiting; done: Promise<void> }): Promise<boolean> {
    if (point.line === null || this.open.size < 2) {
      await done
      return true
    }
    const back = done.then(() => true)
    for (;;) {
      if (await Promise.race([back, setTimeout(1, false)])) return true
      const pid = point.line.connection?.pid
      if (pid !== undefined && (await this.database.isBlocked(pid))) return false
    }
  }

  private async afterwards(point: Waiting): Promise<void> {
    if (point.label === 'commit') await this.told.onCommit(point.operation)
    await this.rest()
    if (!point.line || point.line.inTransaction) return
    this.open.delete(point.line)
    await this.wake()
  }

  private async wake(): Promise<void> {
    for (const entry of [...this.blocked]) {
      if (!this.blocked.includes(entry) || !(await this.comesBack(entry))) continue
      this.blocked = this.blocked.filter((other) => other !== entry)
      await this.afterwards(entry.point)
    }
  }
}
