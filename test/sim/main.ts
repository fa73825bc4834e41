/**
 * `npm run simulate -- --seed N --steps N [--seeds COUNT] [--reduce SECONDS]`: runs the histories of COUNT seeds from N
 * on. The first that fails is reduced for at most so many seconds and printed.
 */
import { parseArgs } from 'node:util'
import { hasty } from '../support/postgres.ts'
import { copyTemplate, startTestServer } from '../support/server.ts'
import { openSimulator, reportOf, simulateSeeds } from './simulate.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    steps: { type: 'string', default: '60' },
    seeds: { type: 'string', default: '1' },
    reduce: { type: 'string', default: '120' },
  },
})
for (const [name, value] of Object.entries(values)) {
  if (!/^\d+$/.test(value)) {
    console.error(`--${name} must be a whole number; it is ${value}`)
    process.exit(2)
  }
}
const seeds = { first: Number(values.seed), count: Number(values.seeds), steps: Number(values.steps) }
const reduceMs = Number(values.reduce) * 1_000

const server = await startTestServer(hasty)
try {
  const database = await copyTemplate(server)
  const simulator = await openSimulator(database.url)
  const failure = await simulateSeeds(simulator, seeds)
  if (failure) {
    console.error(`seed ${failure.seed}: ${failure.message}; reducing its history`)
    console.error(reportOf(await simulator.reduce(failure, reduceMs), seeds.steps))
    process.exitCode = 1
  } else console.log(`all claims hold in the histories of ${seeds.count} seeds from ${seeds.first} on`)
  await simulator.close()
} finally {
  await server.stop()
  await server.remove()
}
