import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { expect, inject, onTestFinished, test } from 'vitest'
import { freePort } from '../../src/postgres/free-port.ts'
import { stopPostmaster } from '../../src/postgres/postmaster.ts'
import { postmasterPid } from '../postgres/support.ts'
import { compileCache } from '../support/compile-cache.ts'
import { keepOutput } from '../support/leaks.ts'
import { until } from '../support/until.ts'

const main = path.join(import.meta.dirname, '../../src/main.ts')

type Starting = { child: ChildProcess; output: () => string }

/** The service while it starts, against a panel that is not there. */
function begin(environment: Record<string, string>, command = [process.execPath, main]): Starting {
  const [program = '', ...args] = command
  const child = spawn(program, args, {
    env: {
      MARZBAN_URL: 'http://127.0.0.1:9',
      MARZBAN_USERNAME: 'root',
      MARZBAN_PASSWORD: 'secret',
      PORT: '0',
      ...compileCache,
      ...environment,
    },
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk) => {
      output += String(chunk)
      keepOutput(String(chunk))
    })
  }
  return { child, output: () => output }
}

async function makeDataDir(): Promise<string> {
  const dataDir = await mkdtemp(path.join(inject('runDir'), 'interrupted-'))
  onTestFinished(async () => {
    const data = path.join(dataDir, 'postgres/data')
    await stopPostmaster(await postmasterPid(dataDir).catch(() => 0), data)
    await rm(dataDir, { recursive: true, force: true, maxRetries: 10 })
  })
  return dataDir
}

const nobodyListens = async () => `postgres://ledger:secret@127.0.0.1:${await freePort()}/ledger`

test.each(['SIGTERM', 'SIGINT'] as const)(
  '%s during a start ends it with 0, and the embedded database with it',
  {
    timeout: 60_000,
  },
  async (signal) => {
    const dataDir = await makeDataDir()
    const { child, output } = begin({ DATA_DIR: dataDir })
    const ended = once(child, 'exit')
    await until('the database serves', async () => output().includes('The embedded database serves.'))
    child.kill(signal)
    expect(await ended, output()).toEqual([0, null])
    expect(output()).not.toContain('ready on')
    // A name that stands twice in a line would be lost to whoever reads it.
    const lines = output()
      .split('\n')
      .filter((line) => line.startsWith('{'))
    for (const line of lines) expect(JSON.stringify(JSON.parse(line))).toBe(line)
    await expect(postmasterPid(dataDir)).rejects.toThrow('ENOENT')
  },
)

test('SIGTERM while the embedded database is made leaves nothing behind', { timeout: 60_000 }, async () => {
  const dataDir = await makeDataDir()
  const { child, output } = begin({ DATA_DIR: dataDir })
  const ended = once(child, 'exit')
  await until('the database is made', async () => (await readdir(dataDir)).length > 0)
  child.kill('SIGTERM')
  expect(await ended, output()).toEqual([0, null])
  await expect(postmasterPid(dataDir)).rejects.toThrow('ENOENT')
  expect(await readdir(dataDir)).toEqual(['postgres'])
})

test('SIGTERM ends a start that waits for its database', { timeout: 60_000 }, async () => {
  const { child, output } = begin({ DATABASE_URL: await nobodyListens() })
  const ended = once(child, 'exit')
  await until('it waits', async () => output().includes('waiting for the database'))
  child.kill('SIGTERM')
  expect(await ended, output()).toEqual([0, null])
})

test('a start does not outlive an npm that was killed', { timeout: 60_000 }, async () => {
  const command = ['sh', '-c', `"${process.execPath}" "${main}" & echo "pid $!"; wait`]
  const { child, output } = begin(
    { DATABASE_URL: await nobodyListens(), npm_lifecycle_event: 'start' },
    command,
  )
  await until('it waits', async () => output().includes('waiting for the database'))
  const pid = Number(/pid (\d+)/.exec(output())?.[1])
  child.kill('SIGKILL')
  await until('the service has ended', async () => {
    try {
      process.kill(pid, 0)
      return false
    } catch {
      return true
    }
  })
  expect(output()).toContain('npm has ended')
})
