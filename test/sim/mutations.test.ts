import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { effort } from '../support/effort.ts'
import { keepOutput } from '../support/leaks.ts'
import { mutations } from './mutations.ts'

const steps = 60
const seedsToFindAMistake = 1_000

/** Found within some seconds each. The others take minutes: `MUTATIONS=all npm test -- test/sim/mutations`. */
const quick = [
  'count the drop',
  'no users_offset cap',
  'take an answer that says nothing for a refusal',
  'add on delete',
  'judge a byte too late',
  'count a grant twice',
]
const names = quick.slice(0, effort('QUICK_MUTATIONS', { newcomer: 1, ci: quick.length }))
const tried =
  process.env.MUTATIONS === 'all' ? mutations : mutations.filter(({ name }) => names.includes(name))

test.each(mutations)('the mistake "$name" can still be made', (mutation) => {
  for (const { file, from } of [mutation, ...(mutation.also ?? [])]) {
    const source = readFileSync(path.join(import.meta.dirname, '../../src', file), 'utf8')
    expect(source.split(from)).toHaveLength(2)
  }
})

describe('a mistake in the ledger is found', () => {
  test.each(tried)('$name', { timeout: 600_000 }, async ({ name }) => {
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
      (error, stdout, stderr) => {
        keepOutput(stdout + stderr)
        resolve({ code: Number(error?.code ?? 0), output: stdout + stderr })
      },
    )
  })
}
