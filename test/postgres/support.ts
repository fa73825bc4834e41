import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { inject, onTestFinished } from 'vitest'
import { createLogger } from '../../src/log.ts'
import { stopPostmaster } from '../../src/postgres/postmaster.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/postgres/start.ts'
import { keepOutput, keepSecret } from '../support/leaks.ts'

const log = createLogger('trace', { write: keepOutput })

/** A fresh data directory; whatever serves it at the end of the test is ended, and it is removed. */
export async function makeDataDir(): Promise<string> {
  const dataDir = await mkdtemp(path.join(inject('runDir'), 'embedded-'))
  onTestFinished(async () => {
    const data = path.join(dataDir, 'postgres/data')
    await stopPostmaster(await postmasterPid(dataDir).catch(() => 0), data).catch(() => undefined)
    await rm(dataDir, { recursive: true, force: true, maxRetries: 10 })
  })
  return dataDir
}

/** Starts the embedded database in this process, until the test's end. */
export async function start(dataDir: string): Promise<EmbeddedPostgres> {
  const embedded = await startEmbeddedPostgres({ dataDir, log, now: Date.now })
  keepSecret(new URL(embedded.url).password)
  onTestFinished(() => embedded.stop())
  return embedded
}

/** Starts the embedded database in a process of its own, which can be killed. */
export function spawnService(dataDir: string, script = path.join(import.meta.dirname, 'service.ts')) {
  const child = spawn(process.execPath, [script, dataDir], { stdio: 'pipe', detached: true })
  onTestFinished(() => kill(child))
  return { child, url: readUrl(child) }
}

async function readUrl(child: ChildProcess): Promise<string> {
  let output = ''
  let errors = ''
  child.stderr?.on('data', (chunk) => {
    errors += chunk
    keepOutput(String(chunk))
  })
  for await (const chunk of child.stdout ?? []) {
    output += chunk
    if (output.endsWith('\n')) return output.trim()
  }
  throw new Error(`the service ended without a database: ${errors}`)
}

/** SIGKILL to the service and whatever shares its process group, as a terminal would reach; waits until it is gone. */
export async function kill(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  process.kill(-child.pid, 'SIGKILL')
  await exit
}

/** The first row of a statement, over a connection of its own. */
export async function query(url: string, text: string): Promise<Record<string, unknown> | undefined> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return (await client.query(text)).rows[0]
  } finally {
    await client.end().catch(() => undefined)
  }
}

export async function postmasterPid(dataDir: string): Promise<number> {
  return Number.parseInt(await readFile(pidFile(dataDir), 'utf8'), 10)
}

export function pidFile(dataDir: string): string {
  return path.join(dataDir, 'postgres/data/postmaster.pid')
}

/** Polls until `condition` holds; fails after 15 seconds. */
export async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 15_000
  while (!(await condition().catch(() => false))) {
    if (Date.now() > deadline) throw new Error(`still not: ${condition}`)
    await delay(20)
  }
}
