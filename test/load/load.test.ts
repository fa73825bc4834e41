import path from 'node:path'
import { expect, test } from 'vitest'
import type { Line } from '../bench/line.ts'
import { runsLongTests } from '../support/effort.ts'
import { runScript } from '../support/run-script.ts'

const main = path.join(import.meta.dirname, 'main.ts')

const load = (signal: AbortSignal, ...options: string[]) => runScript(main, signal, ...options)

test.runIf(runsLongTests)(
  'serves or sheds what clients ask while it scans, and ends at the truth',
  {
    timeout: 180_000,
  },
  async ({ signal }) => {
    const { stdout, stderr } = await load(signal, '--seconds', '4', '--clients', '50', '--json')
    const lines = JSON.parse(stdout || '[]') as (Line & { met: boolean })[]
    expect(
      lines.map(({ name }) => name.split(':')[0]),
      stderr,
    ).toEqual([
      'load',
      'load',
      'load',
      'load',
      'load',
      'deletions',
      'memory',
      'memory',
      'scan',
      'truth',
      'truth',
    ])
    // A service that has just started still grows, and few clients leave the panel idle.
    const judged = lines.filter(({ name }) => !/^(memory|deletions)/.test(name))
    expect(judged.filter(({ met }) => !met)).toEqual([])
    expect(lines.find(({ name }) => name === 'load: deletion')?.measured).toMatch(/^[1-9]\d* served/)
  },
)

test('says how little is too little', async ({ signal }) => {
  expect(await load(signal, '--seconds', '1')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('At least 3 seconds'),
  })
})
