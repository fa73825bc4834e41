import type { Claims } from './claims.ts'
import type { Samples, VirtualPanel } from './panel.ts'
import type { Operation } from './point.ts'
import type { Work } from './steps.ts'
import type { Wire } from './wire.ts'

/** Work that a replica does. */
export type Task = Operation & {
  work: Work
  samples: Samples
  outcome: string | null
  /** How often work that holds users had begun when this one began. */
  enforcements: number
  /** When it began, by the panel's clock. */
  began: number
  /** Whether something that it asked for has failed. */
  hasFailed: boolean
}

/** Work that begins now. */
export function newTask(work: Work, about: Pick<Task, 'replica' | 'enforcements' | 'began'>): Task {
  return {
    ...about,
    name: `replica ${about.replica}: ${nameOf(work)}`,
    lines: new Set(),
    state: 'running',
    work,
    samples: noSamples(),
    outcome: null,
    hasFailed: false,
  }
}

function noSamples(): Samples {
  return { users: [], usage: [], resets: [], gone: [], edits: [] }
}

export type Surroundings = Pick<Wire, 'gate' | 'hang'> & {
  panel: VirtualPanel
  claims: Claims
  /** Runs a check; what it throws breaks the simulation. */
  watch(check: () => void | Promise<void>): Promise<void>
}

/** Its kind, and whom it is about. */
function nameOf(work: Work): string {
  return Object.values(work)
    .filter((value) => value === null || typeof value !== 'object' || Array.isArray(value))
    .join(' ')
}

/** Whether it is the service itself that changes users by this work, not a caller. */
export function isService({ of }: Work): boolean {
  return of.startsWith('enforce')
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
      isService: isService(task.work),
      isLate: false,
      since: panel.told,
      expired: 'users' in task.work ? task.work.users : [],
      before: (act) => watch(() => claims.before(act, task.samples)),
    },
    hang,
    onSent: (request) => void watch(() => claims.onSent(request, task)),
    onOver: (request) => claims.onOver(request),
    late: () => ({
      samples: noSamples(),
      isLate: true,
      by: 'a late effect',
      // It was allowed when it was sent; whom it reaches now is nobody's choice.
      before: async () => {
        claims.mayLoseBytes = true
      },
    }),
  }
}
