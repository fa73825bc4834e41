import { setTimeout } from 'node:timers/promises'
import { captivePortal, type Fault as PanelFault } from '../panel/faults.ts'
import { oneOf } from '../support/random.ts'
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
  goingWrong('something else answers', 4, (scene) => ({ ...captivePortal, ...acts(scene) })),
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
