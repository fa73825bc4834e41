import { admins, users } from './cast.ts'
import type { LimitRows } from './limit-rows.ts'
import type { VirtualPanel } from './panel.ts'
import { environment } from './panel-api.ts'
import type { Fault, Point } from './point.ts'
import type { Step, Work } from './steps.ts'
import type { Task } from './task.ts'

/** What an episode is played with: several operations whose order matters, in one step. */
export type Stage = {
  panel: VirtualPanel
  start(replica: number, work: Work): Promise<Task>
  /** What a task does next; undefined: it has ended, or the history is broken. */
  next(task: Task): Point | undefined
  go(point: Point, fault?: Fault): Promise<void>
  /** A replica is gone from one moment to the next; see {@link Scheduler.crash}. */
  crash(replica: number, how: { committed: boolean; late: boolean }): Promise<void>
  limitRows(): Promise<LimitRows>
  comeToRest(): Promise<void>
  pass(ms: number): Promise<void>
}

/** Begins work and goes on with it to its end. */
export async function carryOut(stage: Stage, work: Work, replica = 1): Promise<void> {
  await runToEnd(stage, await stage.start(replica, work))
}

export async function runToEnd(stage: Stage, task: Task): Promise<void> {
  await runUntil(stage, task, () => false)
}

/** Goes on with a task until `isReached` is true of what it does next. */
export async function runUntil(stage: Stage, task: Task, isReached: (next: Point) => boolean): Promise<void> {
  for (let next = stage.next(task); next && !isReached(next); next = stage.next(task)) await stage.go(next)
}

/** Work begins and goes on until it changes something in the panel, and that goes wrong. */
export async function startBadly(
  stage: Stage,
  { replica, work, fault, at }: Extract<Step, { do: 'start badly' }>,
): Promise<void> {
  const task = await stage.start(replica, work)
  await runUntil(
    stage,
    task,
    ({ line, label, kind }) => line === null && !label.startsWith('GET') && kind === at,
  )
  const change = stage.next(task)
  if (change) await stage.go(change, fault)
}

/** An admin is deleted through the front, and created again; its account is a new one. */
export async function createAdminAgain(
  stage: Stage,
  { admin }: Extract<Step, { do: 'create admin again' }>,
): Promise<void> {
  await carryOut(stage, { of: 'front: delete admin', admin, spelling: 'plain' })
  stage.panel.createAdmin(admin)
  await stage.pass(1_000)
  await carryOut(stage, { of: 'poll' })
}

/** All users are read to be reset, and after some calls there is an admin named like the account that asked for it. */
export async function resetWhileAdminAppears(
  stage: Stage,
  { replica, calls }: Extract<Step, { do: 'reset while an admin appears' }>,
): Promise<void> {
  const task = await stage.start(replica, { of: 'front: reset all', by: null })
  let left = calls
  await runUntil(stage, task, ({ kind }) => {
    if (kind === 'request') left -= 1
    return left < 0
  })
  if (!stage.next(task)) return
  stage.panel.createAdmin(environment)
  await runToEnd(stage, task)
}

/** All users of an admin have been read; before the scan is over, a user consumes, and the counter of its admin is read. */
export async function pollDuringScan(
  stage: Stage,
  { admin, user, bytes }: Extract<Step, { do: 'poll during a scan' }>,
): Promise<void> {
  const scan = await stage.start(0, { of: 'scan', admin })
  // What follows the last page.
  await runUntil(stage, scan, ({ label }) => label.startsWith('select "id", "username" from "tenures"'))
  stage.panel.consume(user, BigInt(bytes))
  stage.panel.book()
  await carryOut(stage, { of: 'poll' })
  await runToEnd(stage, scan)
}

/** The panel resets a user while it lists the users of its admin. */
export async function resetWhileListed(
  stage: Stage,
  { user }: Extract<Step, { do: 'reset user' }>,
): Promise<void> {
  stage.panel.resetUser(user)
  const admin = admins.find((name) => name === stage.panel.users.get(user)?.owner)
  if (admin) await carryOut(stage, { of: 'scan', admin })
}

/** A user comes back to its admin, and the answer that shows it is stored only after a scan that no longer found it. */
export async function seeStale(
  stage: Stage,
  { user, bytes }: Extract<Step, { do: 'stale sight' }>,
): Promise<void> {
  const { panel } = stage
  const owner = panel.users.get(user)?.owner ?? null
  const admin = admins.find((name) => name === owner)
  if (!admin || !panel.usage.has(admin)) return
  panel.move(user, null)
  await carryOut(stage, { of: 'scan', admin })
  panel.move(user, admin)
  const sight = await stage.start(0, { of: 'read user', user })
  let isAnswered = false
  await runUntil(stage, sight, ({ kind }) => {
    const wasAnswered = isAnswered
    isAnswered ||= kind === 'answer'
    return wasAnswered
  })
  panel.consume(user, BigInt(bytes))
  panel.book()
  panel.move(user, null)
  await carryOut(stage, { of: 'poll' })
  await carryOut(stage, { of: 'scan', admin })
  await runToEnd(stage, sight)
  panel.move(user, admin)
}

/** A user that was never seen is listed beside one over which the panel stumbles, until everything is at rest. */
export async function hideBesideFailing(
  stage: Stage,
  { admin, user, bytes }: Extract<Step, { do: 'unseen beside a failing user' }>,
): Promise<void> {
  const { panel } = stage
  if (!panel.usage.has(admin)) return
  const failing = users[(users.indexOf(user) + 1) % users.length] ?? user
  // The two make up the first page of the list.
  for (const { name, owner } of panel.report()) {
    if (owner === admin || name === user || name === failing) panel.remove(name)
  }
  panel.create(failing, admin)
  panel.create(user, admin)
  panel.consume(user, BigInt(bytes))
  panel.spoil(failing, 'breaks')
  await stage.comeToRest()
}

/** A panel on MySQL finds the admin whose name a caller writes in capitals, and resets a counter that nobody has read. */
export async function resetByAnotherSpelling(
  stage: Stage,
  { admin, user, bytes }: Extract<Step, { do: 'reset by another spelling' }>,
): Promise<void> {
  const { panel } = stage
  if (!panel.usage.has(admin)) return
  panel.database = 'mysql'
  panel.consume(user, BigInt(bytes))
  panel.book()
  await carryOut(stage, { of: 'front: reset usage', admin, spelling: 'shouted' })
}
