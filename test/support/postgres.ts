import path from 'node:path'
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { openDatabase } from '../../src/store/database.ts'
import { startEmbeddedPostgres } from '../../src/store/embedded/start.ts'
import { migrateToLatest } from '../../src/store/migrate.ts'
import { findLeaks } from './leaks.ts'
import { makeRunDir } from './run-dir.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The test run's server: the URL of a database on it, and the name of the migrated template. */
    postgres: { url: string; template: string }
    /** A directory for the whole run; what lies below it is removed at the end, with the databases it serves. */
    runDir: string
  }
}

const template = 'migrated'
/** The databases live as long as the run; nothing in them has to survive a power cut. */
const settings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '100' }
const log = { info: () => undefined, warn: console.warn, error: console.error }

/** Starts one server for the whole test run, with a migrated database that test files copy; returns its end. */
export default async function setup(project: Pick<TestProject, 'provide'>): Promise<() => Promise<void>> {
  const runDir = await makeRunDir()
  try {
    const { url, stop } = await startEmbeddedPostgres({
      dataDir: path.join(runDir.path, 'server'),
      log,
      settings,
    })
    await migrateTemplate(url)
    project.provide('postgres', { url, template })
    project.provide('runDir', runDir.path)
    return async () => {
      await stop()
      const leaks = findLeaks(runDir.path, [new URL(url).password])
      await runDir.remove()
      if (leaks.length > 0) throw new Error(`a service has printed secrets:\n${leaks.slice(0, 5).join('\n')}`)
    }
  } catch (error) {
    await runDir.remove()
    throw error
  }
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
