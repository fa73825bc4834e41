import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { openDatabase } from '../../src/store/database.ts'
import { stopPostmaster } from '../../src/store/embedded/postmaster.ts'
import { startEmbeddedPostgres } from '../../src/store/embedded/start.ts'
import { migrateToLatest } from '../../src/store/migrate.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The test run's server: the URL of its maintenance database, and the name of the migrated template. */
    postgres: { url: string; template: string }
  }
}

const prefix = 'marzban-ledger-test-run-'
const template = 'migrated'
/** The databases live as long as the run; nothing in them has to survive a power cut. */
const settings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '100' }

/** Starts one server for the whole test run, with a migrated database that test files copy; returns its end. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await removeAbandoned()
  const dataDir = await mkdtemp(path.join(os.tmpdir(), `${prefix}${process.pid}-`))
  const embedded = await startEmbeddedPostgres({ dataDir, log: console, settings })
  const teardown = async () => {
    await embedded.stop()
    await rm(dataDir, { recursive: true, force: true })
  }
  // Vitest doesn't tear down what a signal ends.
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void teardown().finally(() => process.exit(1)))
  await migrateTemplate(embedded.url)
  project.provide('postgres', { url: embedded.url, template })
  return teardown
}

async function migrateTemplate(server: string): Promise<void> {
  const client = new pg.Client({ connectionString: server })
  await client.connect()
  await client.query(`create database ${template}`)
  await client.end()
  const url = new URL(server)
  url.pathname = `/${template}`
  const db = openDatabase({ url: url.href })
  try {
    await migrateToLatest(db)
  } finally {
    await db.destroy()
  }
}

/** Ends and removes what runs that were killed left. */
async function removeAbandoned(): Promise<void> {
  for (const name of await readdir(os.tmpdir())) {
    const pid = Number(name.slice(prefix.length).split('-')[0])
    if (!name.startsWith(prefix) || isAlive(pid)) continue
    const dataDir = path.join(os.tmpdir(), name)
    const data = path.join(dataDir, 'postgres/data')
    const lock = await readFile(path.join(data, 'postmaster.pid'), 'utf8').catch(() => '')
    if (lock !== '') await stopPostmaster(Number.parseInt(lock, 10), data)
    // Another user's run can't be removed by this one, and is left to that user.
    await rm(dataDir, { recursive: true, force: true }).catch(() => undefined)
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
