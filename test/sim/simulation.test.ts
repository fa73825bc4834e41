import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { effort } from '../support/effort.ts'
import { openSimulator, reportOf, type Simulator, simulateSeeds } from './simulate.ts'

/** `npm run simulate -- --seed 1000 --seeds 5000` for the night. */
const seeds = effort('SEEDS', { newcomer: 12, ci: 60 })
const steps = 60
const reduceMs = 60_000
let database: TestDatabase
let simulator: Simulator

beforeAll(async () => {
  database = await createTestDatabase()
  simulator = await openSimulator(database.url)
})
afterAll(async () => {
  await simulator.close()
  await database.drop()
})

test(`all claims hold in the histories of ${seeds} seeds`, { timeout: 120_000 + seeds * 2_000 }, async () => {
  // The same histories each time: what fails here fails because of what was changed.
  const failure = await simulateSeeds(simulator, { first: 1, count: seeds, steps })
  const report = failure && reportOf(await simulator.reduce(failure, reduceMs), steps)
  expect(report).toBeNull()
})
