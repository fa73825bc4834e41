import path from 'node:path'
import { expect, test } from 'vitest'
import { runsLongTests } from '../support/effort.ts'
import { runScript } from '../support/run-script.ts'
import { type Line, tableOf } from './line.ts'

const main = path.join(import.meta.dirname, 'main.ts')

const bench = (signal: AbortSignal, ...options: string[]) => runScript(main, signal, ...options)

test.runIf(runsLongTests)('measures every part', { timeout: 300_000 }, async ({ signal }) => {
  const { stdout, stderr } = await bench(signal, '--quick', '--json')
  const lines = JSON.parse(stdout || '[]') as (Line & { met: boolean })[]
  expect(new Set(lines.map(({ name }) => name.split(':')[0])), stderr).toEqual(
    new Set(['stats', 'observing', 'memory', 'start', 'deletion', 'front']),
  )
  for (const { name, value, met, against } of lines) {
    expect(against, name).toMatch(/^[A-Z].+\.$/)
    expect(value, name).toBeGreaterThan(0)
    expect(met, name).toEqual(expect.any(Boolean))
  }
})

test.runIf(runsLongTests)('measures a large installation', { timeout: 120_000 }, async ({ signal }) => {
  const { stdout, stderr } = await bench(signal, '--scale', '--quick', '--json')
  const lines = JSON.parse(stdout || '[]') as Line[]
  expect(
    lines.map(({ name }) => name.split(':')[0]),
    stderr,
  ).toEqual(Array(5).fill('scale'))
  for (const { name, value } of lines) expect(value, name).toBeGreaterThan(0)
})

test('says that a large installation is measured alone', async ({ signal }) => {
  const { code, stderr } = await bench(signal, '--scale', '--only', 'stats')
  expect(stderr).toContain('--scale runs alone')
  expect(code).toBe(2)
})

test('says which parts there are', async ({ signal }) => {
  const { code, stderr } = await bench(signal, '--only', 'speed')
  expect(stderr).toContain('stats, panel, observing')
  expect(code).toBe(2)
})

test.for([
  ['--help', 0],
  ['--fast', 2],
] as const)('says how it is used: %s', async ([option, expected], { signal }) => {
  const { code, stdout, stderr } = await bench(signal, option)
  expect(stdout + stderr).toContain('npm run bench -- [--only PART[,PART] | --scale] [--json] [--quick]')
  expect(stdout + stderr).toContain('stats, panel, observing, memory, start, deletion, front')
  expect(stderr).not.toMatch(/^\s+at /m)
  expect(code).toBe(expected)
})

test('says in the table what is not met', () => {
  const line = {
    name: 'a line',
    measured: '1 against 2',
    value: 0.5,
    unit: 'ratio',
    against: 'Another one.',
  } as const
  const table = tableOf([
    { ...line, limit: { atLeast: 0.7 } },
    { ...line, limit: { atMost: 0.7 } },
  ])
  expect(table.split('\n').slice(1)).toEqual([
    'a line  1 against 2  0.5    >= 0.7  NOT MET',
    'a line  1 against 2  0.5    <= 0.7  met',
    '',
    'a line; a line',
    '    Another one.',
  ])
})
