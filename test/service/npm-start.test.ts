import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type StandInPanel, startPanel } from '../stand-in/start.ts'
import { operatorKey } from '../support/keys.ts'
import { keepOutput } from '../support/leaks.ts'
import { useLedger } from '../support/ledger.ts'
import { until } from '../support/until.ts'

const root = path.join(import.meta.dirname, '../..')
const ledger = useLedger()
let panel: StandInPanel
let npm: ChildProcess
let output: string

beforeAll(async () => {
  panel = await startPanel()
})
afterAll(() => panel.close())
afterEach(() => {
  // The whole group, so that no failure leaves a service behind.
  if (npm.pid !== undefined) {
    try {
      process.kill(-npm.pid, 'SIGKILL')
    } catch {
      // It is gone, as it should be.
    }
  }
})

/** `npm start` as an operator types it; resolves with the number of the service's own process. */
async function npmStart(): Promise<number> {
  output = ''
  npm = spawn('npm', ['start'], {
    cwd: root,
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      MARZBAN_URL: panel.url,
      MARZBAN_USERNAME: panel.sudo.username,
      MARZBAN_PASSWORD: panel.sudo.password,
      API_KEY: operatorKey,
      DATABASE_URL: ledger.url,
      PORT: '0',
      npm_config_update_notifier: 'false',
    },
    // A terminal's Ctrl-C reaches a group of processes; this is npm's.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  for (const stream of [npm.stdout, npm.stderr]) {
    stream?.on('data', (chunk) => {
      output += String(chunk)
      keepOutput(String(chunk))
    })
  }
  await until('the service is ready', async () => output.includes('ready on http'))
  return Number(/"pid":(\d+)/.exec(output)?.[1])
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

const count = (text: string) => output.split(text).length - 1

test('passes SIGTERM on, and ends when the service has drained', { timeout: 60_000 }, async () => {
  const pid = await npmStart()
  const ended = once(npm, 'exit')
  npm.kill('SIGTERM')
  expect(await ended).toEqual([0, null])
  expect(lives(pid)).toBe(false)
  expect([count('"draining"'), count('"stopped"')]).toEqual([1, 1])
})

test('drains once at Ctrl-C, though npm hands on what the service got already', {
  timeout: 60_000,
}, async () => {
  const pid = await npmStart()
  const ended = once(npm, 'exit')
  process.kill(-(npm.pid ?? 0), 'SIGINT')
  const [code] = await ended
  expect(code).toBe(0)
  expect(lives(pid)).toBe(false)
  expect([count('"draining"'), count('"stopped"')]).toEqual([1, 1])
})

test('does not outlive an npm that was killed', { timeout: 60_000 }, async () => {
  const pid = await npmStart()
  npm.kill('SIGKILL')
  await until('the service has ended', async () => !lives(pid))
  expect(count('"stopped"')).toBe(1)
})
