import { setTimeout } from 'node:timers/promises'
import type { Fault as PanelFault } from '../stand-in/faults.ts'
import { foreignAnswers } from '../stand-in/foreign-answers.ts'
import { oneOf } from '../support/random.ts'
import { until } from '../support/until.ts'
import type { Fault } from './fault.ts'
import type { Scene } from './scene.ts'

/** Lets some of the next requests, of any kind or of one, go wrong. */
function goingWrong(name: string, weight: number, faultOf: (scene: Scene) => PanelFault): Fault {
  return {
    name,
    weight,
    strike: async (scene, act) => {
      const { random } = scene
      const fault = faultOf(scene)
      const method = oneOf(random, ['DELETE', 'POST', 'GET', undefined, undefined])
      const times = 1 + random(6)
      const rule = { ...fault, ...(method && { method }), times, skip: random(4) }
      await scene.stage.panel.addFault(rule)
      await act()
      await scene.stage.panel.heal()
      const when = 'acts' in fault && fault.acts ? 'after acting' : 'before acting'
      return `${times} times, ${method ?? 'any request'}, ${when}`
    },
  }
}

const acts = (scene: Scene) => ({ acts: scene.random(2) === 0 })

export const panelFaults: Fault[] = [
  goingWrong('the panel hangs', 8, (scene) => ({ kind: 'hang', ...acts(scene) })),
  goingWrong('the panel cuts connections', 9, (scene) => ({ kind: 'cut', ...acts(scene) })),
  goingWrong('the panel answers 5xx', 9, (scene) => ({
    kind: 'answer',
    status: oneOf(scene.random, [500, 502, 503, 504]) ?? 500,
    ...acts(scene),
  })),
  goingWrong('the panel answers half', 7, (scene) => ({ kind: 'half-body', ...acts(scene) })),
  goingWrong('something else answers', 8, (scene) => ({
    ...(oneOf(scene.random, Object.values(foreignAnswers)) ?? { kind: 'cut' }),
    ...acts(scene),
  })),
  {
    name: 'the panel deletes users when nobody waits for it any more',
    weight: 8,
    strike: async (scene, act) => {
      const { random, stage } = scene
      const times = 1 + random(4)
      const lateMs = 500 + random(3_000)
      const fault = oneOf<PanelFault>(random, [
        { kind: 'hang' },
        { kind: 'cut' },
        { kind: 'answer', status: 504 },
      ]) ?? { kind: 'hang' }
      const late = { acts: 'late', lateMs, toSame: true } as const
      const rule = { ...fault, ...late, method: 'DELETE', path: /^\/api\/user\//, times, skip: random(3) }
      await stage.panel.addFault(rule)
      await act()
      await stage.panel.heal()
      // Whom it deletes has to consume nothing until then, as whoever is touched does until all is at rest.
      await until(
        'the panel has done all it was asked for',
        async () => (await stage.panel.lateEffects()) === 0,
      )
      return `${times} times, ${lateMs} ms late`
    },
  },
  {
    name: 'the panel is down',
    weight: 5,
    strike: async (scene, act) => {
      const { panel } = scene.stage
      const acting = act()
      await setTimeout(scene.random(150))
      await panel.goDown()
      await setTimeout(scene.random(1_500))
      await panel.comeUp()
      await acting
      return ''
    },
  },
]
