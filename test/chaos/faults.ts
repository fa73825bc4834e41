import { setTimeout } from 'node:timers/promises'
import { oneOf } from '../support/random.ts'
import { clockFaults } from './clock-faults.ts'
import { diskFaults } from './disk-faults.ts'
import type { Fault } from './fault.ts'
import { panelFaults } from './panel-faults.ts'
import type { Scene } from './scene.ts'
import { killAll, type Moment } from './world.ts'

/** Where the panel is asked for something that a kill in the middle of would be worst for. */
const worst: Pick<Moment, 'method' | 'path'>[] = [
  { method: 'DELETE', path: /^\/api\/user\// },
  { method: 'GET', path: /^\/api\/user\// },
  { method: 'GET', path: /^\/api\/users$/ },
  { method: 'GET', path: /^\/api\/admins$/ },
  { method: 'POST', path: /reset/ },
]

/** Kills processes at any time, or at a moment of the panel's work if it comes. */
async function kill(scene: Scene, pids: number[], act: () => Promise<void>): Promise<string> {
  const { random, stage } = scene
  const where = worst[random(2 * worst.length)]
  if (!where) {
    const ms = random(250)
    const acting = act()
    await setTimeout(ms)
    killAll(pids)
    await acting
    return `${ms} ms on`
  }
  const side = random(2) === 0 ? 'before' : 'after'
  await stage.panel.killAt({ pids, ...where, side, skip: random(3) })
  await act()
  if (await stage.panel.hasKilled())
    return `${side} ${where.method} ${where.path.source.replaceAll(/[\\^$]/g, '')}`
  killAll(pids)
  return 'at rest'
}

const processFaults: Fault[] = [
  {
    name: 'the service is killed',
    weight: 12,
    strike: (scene, act) => kill(scene, [scene.stage.servicePid], act),
  },
  {
    name: 'Postgres is killed',
    weight: 13,
    strike: async (scene, act) => {
      const { pid, children } = await scene.stage.runningPostgres()
      const all = scene.random(2) === 0
      const how = await kill(scene, all ? [pid, ...children] : [pid], act)
      return `${all ? `all ${1 + children.length} processes` : 'the first process'}, ${how}`
    },
  },
  {
    name: 'a session of Postgres crashes',
    weight: 6,
    strike: async (scene, act) => {
      const sessions = await scene.stage.query<{ pid: number }>(
        "select pid from pg_stat_activity where application_name like 'marzban-ledger%'",
      )
      const session = oneOf(scene.random, sessions)
      return kill(scene, session ? [session.pid] : [], act)
    },
  },
  {
    name: 'the power is cut',
    weight: 5,
    strike: async (scene, act) => {
      const { pid, children } = await scene.stage.runningPostgres()
      return kill(scene, [scene.stage.servicePid, pid, ...children], act)
    },
  },
]

export const faults: readonly Fault[] = [...processFaults, ...diskFaults, ...panelFaults, ...clockFaults]
