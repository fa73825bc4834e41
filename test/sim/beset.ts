import { carryOut, runToEnd, runUntil, type Stage, startBadly } from './episodes.ts'
import { happen } from './happenings.ts'
import type { Point } from './point.ts'
import type { Step } from './steps.ts'
import type { Task } from './task.ts'

/**
 * Work in whose midst other work is done, each time that it is about to go on. Where that is `early`, the panel has answered it
 * before the work began, and the answers arrive now.
 */
export async function beset(
  stage: Stage,
  { work, at, after, times, by, early }: Extract<Step, { do: 'beset' }>,
): Promise<void> {
  const answered: Task[] = []
  for (const intruder of early ? by : []) {
    if ('do' in intruder) continue
    const task = await stage.start(1, intruder)
    await runUntil(stage, task, ({ kind }) => kind === 'answer')
    answered.push(task)
  }
  const task = await stage.start(0, work)
  let left = after
  const isInTheWay = ({ kind }: Point) => {
    if (kind !== at) return false
    left -= 1
    return left < 0
  }
  for (let time = 0; time < times; time += 1) {
    await runUntil(stage, task, isInTheWay)
    const next = stage.next(task)
    if (!next) break
    for (const intruder of by) {
      if ('of' in intruder) await (early ? null : carryOut(stage, intruder))
      else if (intruder.do === 'start badly') await startBadly(stage, intruder)
      else happen(stage.panel, intruder)
    }
    for (const one of answered.splice(0)) await runToEnd(stage, one)
    const waiting = stage.next(task)
    if (waiting) await stage.go(waiting)
  }
  await runToEnd(stage, task)
}
