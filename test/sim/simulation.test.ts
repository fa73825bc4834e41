import { execFile } from 'node:child_process'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { mutations } from './mutations.ts'
import { openSimulator, reportOf, type Simulator, simulateSeeds } from './simulate.ts'

/** `SEEDS=5000` for the night. */
const seeds = Number(process.env.SEEDS ?? 150)
const steps = 60
const seedsToFindAMistake = 100
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

it(`all claims hold in the histories of ${seeds} seeds`, { timeout: 120_000 + seeds * 2_000 }, async () => {
  // Every run other histories; a failing one is told by its seed.
  const first = Math.floor(Math.random() * 2 ** 30)
  const failure = await simulateSeeds(simulator, { first, count: seeds, steps })
  const report = failure && reportOf(await simulator.reduce(failure, reduceMs), steps)
  expect(report).toBeNull()
})

describe('a mistake in the ledger is found', () => {
  it.each(mutations)('$name', { timeout: 120_000 }, async ({ name }) => {
    const { code, output } = await simulate(name)
    expect(output).toMatch(/^seed \d+: /m)
    expect(output).toContain('npm run simulate -- --seed')
    expect(code).toBe(1)
  })
})

/** Runs the simulator on a ledger with a mistake in it. */
function simulate(mutation: string): Promise<{ code: number; output: string }> {
  const here = (file: string) => path.join(import.meta.dirname, file)
  const options = ['--seeds', String(seedsToFindAMistake), '--steps', String(steps), '--reduce', '2']
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['--import', here('mutate.ts'), here('main.ts'), ...options],
      { env: { ...process.env, MUTATION: mutation } },
      (error, stdout, stderr) => resolve({ code: Number(error?.code ?? 0), output: stdout + stderr }),
    )
  })
}
