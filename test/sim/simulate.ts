import fc from 'fast-check'
import { Connections } from './connections.ts'
import { prepareDatabase } from './database.ts'
import { anyHistory, historyOf } from './histories.ts'
import { Simulation } from './simulation.ts'
import { lineOf, type Step } from './steps.ts'

/** A history in which a claim of the ledger does not hold. */
export type Failure = { seed: number | null; history: Step[]; message: string; trace: string[] }

export type Simulator = {
  /** Runs one history; null: all claims hold. */
  run(history: readonly Step[]): Promise<Failure | null>
  /** The shortest history found that still fails. */
  reduce(failure: Failure, withinMs: number): Promise<Failure>
  close(): Promise<void>
}

/** Opens a simulator on the migrated database at `url`, which nobody else may use. */
export async function openSimulator(url: string): Promise<Simulator> {
  const database = await prepareDatabase(url)
  const connections = new Connections(database.db)

  const run = async (history: readonly Step[]): Promise<Failure | null> => {
    const simulation = new Simulation(database, connections)
    try {
      await simulation.run(history)
      return null
    } catch (error) {
      const message = error instanceof Error ? `${error.message}` : String(error)
      return { seed: null, history: [...history], message, trace: simulation.trace }
    } finally {
      await simulation.abandon()
    }
  }

  return {
    run,
    reduce: async (failure, withinMs) => {
      let shortest = failure
      const property = fc.asyncProperty(anyHistory, async (history) => {
        const found = await run(history)
        if (found) shortest = { ...found, seed: failure.seed }
        return found === null
      })
      await fc.check(property, {
        examples: [[failure.history]],
        numRuns: 1,
        interruptAfterTimeLimit: withinMs,
      })
      return shortest
    },
    close: async () => {
      await connections.close()
      await database.close()
    },
  }
}

/**
 * Runs the histories of `count` seeds from `first` on.
 *
 * @returns the first failure; null: all claims hold in all of them.
 */
export async function simulateSeeds(
  simulator: Simulator,
  seeds: { first: number; count: number; steps: number },
): Promise<Failure | null> {
  for (let seed = seeds.first; seed < seeds.first + seeds.count; seed += 1) {
    const failure = await simulator.run(historyOf(seed, seeds.steps))
    if (failure) return { ...failure, seed }
  }
  return null
}

/** What a failure says to who has to find its cause. */
export function reportOf(failure: Failure, steps: number): string {
  return [
    `${failure.message}`,
    `npm run simulate -- --seed ${failure.seed} --steps ${steps}`,
    `reduced to ${failure.history.length} steps:`,
    ...failure.history.map((step) => `${lineOf(step)},`),
    'what happened:',
    ...failure.trace,
  ].join('\n')
}
