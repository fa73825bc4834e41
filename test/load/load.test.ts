import { execFile } from 'node:child_process'
import path from 'node:path'
import { expect, it } from 'vitest'
import type { Line } from '../bench/line.ts'
import { keepOutput } from '../support/leaks.ts'

const main = path.join(import.meta.dirname, 'main.ts')

function load(
  signal: AbortSignal,
  ...options: string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [main, ...options], { signal }, (error, stdout, stderr) => {
      keepOutput(stdout + stderr)
      resolve({ code: Number(error?.code ?? 0), stdout, stderr })
    })
  })
}

it('serves or sheds what clients ask while it scans, and ends at the truth', {
  timeout: 180_000,
}, async ({ signal }) => {
  const { stdout, stderr } = await load(signal, '--seconds', '4', '--clients', '50', '--json')
  const lines = JSON.parse(stdout || '[]') as (Line & { met: boolean })[]
  expect(
    lines.map(({ name }) => name.split(':')[0]),
    stderr,
  ).toEqual(['load', 'load', 'load', 'load', 'load', 'memory', 'scan', 'truth', 'truth'])
  // A service that has just started still grows.
  for (const line of lines.filter(({ name }) => !name.startsWith('memory'))) {
    expect(line).toMatchObject({ met: true })
  }
  expect(lines.find(({ name }) => name === 'load: deletion')?.measured).toMatch(/^[1-9]\d* served/)
})

it('says how little is too little', async ({ signal }) => {
  expect(await load(signal, '--seconds', '1')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('At least 3 seconds'),
  })
})
