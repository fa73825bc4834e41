import type { Claims } from './claims.ts'
import type { Samples, VirtualPanel } from './panel.ts'
import type { Operation } from './point.ts'
import type { Work } from './steps.ts'
import type { Wire } from './wire.ts'

/** Work that a replica does. */
export type Task = Operation & { work: Work; samples: Samples; outcome: string | null }

export function noSamples(): Samples {
  return { users: [], usage: [], resets: [] }
}

export type Surroundings = Pick<Wire, 'gate' | 'hang'> & {
  panel: VirtualPanel
  claims: Claims
  /** Runs a check; what it throws breaks the simulation. */
  watch(check: () => void | Promise<void>): Promise<void>
}

/** The wire between a task and the panel. */
export function wireOf(task: Task, { panel, claims, gate, hang, watch }: Surroundings): Wire {
  return {
    panel,
    operation: task,
    gate,
    told: {
      samples: task.samples,
      by: task.name,
      since: panel.told,
      expired: 'users' in task.work ? task.work.users : [],
      before: (act) => watch(() => claims.before(act, task.samples)),
    },
    hang,
    onSent: (request) => void watch(() => claims.onSent(request)),
    late: () => ({
      samples: noSamples(),
      by: 'a late effect',
      // It was allowed when it was sent; whom it reaches now is nobody's choice.
      before: async () => {
        claims.mayLoseBytes = true
      },
    }),
  }
}
