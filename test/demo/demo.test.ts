import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { isPostmaster } from '../../src/postgres/postmaster.ts'
import { curlLinesOf, paste } from '../support/curl.ts'
import { keepOutput } from '../support/leaks.ts'
import { until } from '../support/service-process.ts'

const main = path.join(import.meta.dirname, 'main.ts')
const readme = path.join(import.meta.dirname, '../../README.md')
/** The demo's own directory for temporary files: the test sees what is left in it. */
let place: string

beforeAll(async () => {
  place = await mkdtemp(path.join(tmpdir(), 'demo-test-'))
  // If root runs the tests, PostgreSQL runs as another account.
  await chmod(place, 0o711)
})
afterAll(() => rm(place, { recursive: true, force: true }))

test('the demo shows a total that holds while the panel forgets, its commands work, and it leaves nothing behind', {
  timeout: 90_000,
}, async () => {
  const demo = spawn(process.execPath, [main], {
    env: { ...process.env, TMPDIR: place, PORT: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exited = once(demo, 'exit')
  let output = ''
  for (const stream of [demo.stdout, demo.stderr]) {
    stream.on('data', (chunk) => {
      output += String(chunk)
    })
  }
  const rows = () => output.split('\n').filter((line) => /^\d\d:\d\d:\d\d /.test(line))
  try {
    await until('two resellers have deleted a user', async () => rows().length >= 9)
    await until('the reseller with a limit has its users back', async () =>
      output.includes('are enabled again'),
    )
    const lines = output.split('\n').filter((line) => line.startsWith('  curl '))
    expect(lines).toHaveLength(3)
    const [accounts, stats, receipt] = await Promise.all(lines.map((line) => paste(line)))
    expect(accounts).toMatchObject({
      items: expect.arrayContaining([expect.objectContaining({ username: 'bilal' })]),
    })
    expect(stats).toMatchObject({ admin: { username: 'ana' }, stale: false })
    expect(receipt).toMatchObject({
      kind: 'user',
      username: expect.stringMatching(/^ana-/),
      state: 'deleted',
    })
    const [key = ''] = /[0-9a-f]{48}/.exec(output) ?? []
    expect(key).not.toBe('')
    const [, LEDGER = ''] = /export LEDGER=(\S+)/.exec(output) ?? []
    const variables: Record<string, string> = { LEDGER, API_KEY: key }
    for (const line of curlLinesOf(await readFile(readme, 'utf8'))) {
      const answer = await paste(line, variables)
      if (line.includes('/api/admin/token'))
        variables.TOKEN = (answer as { access_token: string }).access_token
    }
    keepOutput(output.replaceAll(key, ''))
  } finally {
    demo.kill('SIGINT')
  }
  expect(await exited).toEqual([0, null])
  expect(output).toContain('The demo stops and removes its data.')
  expect(await readdir(place)).toEqual([])

  const story = output.match(/ {9}(?:The operator|All|chen has).*/g)?.map((line) => line.trim()) ?? []
  // Between two looks it can use more than the rest.
  expect(story.filter((line) => !line.includes('80 %')).slice(0, 5)).toEqual([
    'The operator limits chen to 1.00 GB.',
    expect.stringMatching(/^chen has used 1\.\d\d GB of 1\.00 GB: the ledger disables its users\.$/),
    expect.stringMatching(/^All 1\d users of chen are disabled/),
    expect.stringContaining('grants chen 1.00 GB more'),
    'All users of chen are enabled again.',
  ])
  const figures = rows().map((line) =>
    [...line.matchAll(/(\d+\.\d\d) GB/g)].map(([, value]) => Number(value)),
  )
  // The two columns of the first reseller.
  const panel = figures.map((row) => row[0] ?? 0)
  const ledger = figures.map((row) => row[1] ?? 0)
  expect(panel.some((sum, index) => sum < (panel[index - 1] ?? 0))).toBe(true)
  expect(ledger).toEqual(ledger.toSorted((a, b) => a - b))
})

test('a demo that is killed leaves no PostgreSQL and no files for long', { timeout: 60_000 }, async () => {
  const demo = spawn(process.execPath, [main], {
    env: { ...process.env, TMPDIR: place, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(demo, 'exit')
  let output = ''
  demo.stdout.on('data', (chunk) => {
    output += String(chunk)
  })
  await until('the demo runs', async () => output.includes('export LEDGER='))
  const [runDir = ''] = (await readdir(place)).filter((name) => name.includes('test-run'))
  const data = path.join(place, runDir, 'ledger/postgres/data')
  const pid = Number.parseInt(await readFile(path.join(data, 'postmaster.pid'), 'utf8'), 10)
  expect(await isPostmaster(pid, data)).toBe(true)
  demo.kill('SIGKILL')
  await exited
  await until('PostgreSQL has ended', async () => !isAlive(pid))
  await until('its files are removed', async () => (await readdir(place)).length === 0)
})

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
