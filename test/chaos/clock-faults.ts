import { setTimeout } from 'node:timers/promises'
import type { Which } from '../support/clocks.ts'
import { oneOf } from '../support/random.ts'
import type { Fault } from './fault.ts'

const hourMs = 3_600_000

/** As it happens to one machine that runs everything, and, less often, to one of two. */
const whose: Which[] = ['both', 'both', 'both', 'service', 'database']

function jump(name: string, weight: number, ms: number): Fault {
  return {
    name,
    weight,
    strike: async ({ random, stage }, act) => {
      const which = oneOf(random, whose) ?? 'both'
      const acting = act()
      await setTimeout(random(300))
      await stage.clocks.jump(await stage.databaseUrl(), which, ms)
      await acting
      return which === 'both' ? '' : `that of the ${which} only`
    },
  }
}

export const clockFaults: Fault[] = [
  jump('the clock jumps an hour forward', 8, hourMs),
  jump('the clock jumps an hour back', 8, -hourMs),
]
