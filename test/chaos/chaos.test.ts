import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { runsLongTests } from '../support/effort.ts'
import { keepOutput } from '../support/leaks.ts'
import { faults } from './faults.ts'

const main = path.join(import.meta.dirname, 'main.ts')

/** Runs `npm run chaos` with these options, in a temporary place of its own, so that what it leaves behind shows. */
async function chaos(...options: string[]): Promise<{ code: number; output: string; left: string[] }> {
  const place = await mkdtemp(path.join(tmpdir(), 'chaos-test-'))
  // PostgreSQL runs as another account when the tests run as root.
  await chmod(place, 0o711)
  onTestFinished(() => rm(place, { recursive: true, force: true }))
  const child = spawn(process.execPath, [main, ...options], {
    env: { ...process.env, TMPDIR: place },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += String(chunk)
    })
  }
  const [code] = (await once(child, 'exit')) as [number]
  keepOutput(output)
  return { code, output, left: await readdir(place) }
}

test.runIf(runsLongTests)(
  'everything holds when each kind of fault has happened',
  { timeout: 300_000 },
  async () => {
    const { code, output, left } = await chaos('--faults', String(faults.length), '--seed', '33')
    expect(code, output).toBe(0)
    const fillsDisk = !output.includes('The disk is not filled')
    for (const { name, needsDisk } of faults) {
      if (!needsDisk || fillsDisk) expect(output).toContain(`  ${name}  `)
    }
    expect(left).toEqual([])
  },
)

test('says how it is called', async () => {
  const { code, output } = await chaos('--faults', 'many')
  expect(output).toContain('--faults must be a whole number; it is many')
  expect(code).toBe(2)
})
