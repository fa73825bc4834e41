import { randomBytes } from 'node:crypto'
import path from 'node:path'
import pg from 'pg'
import { startEmbeddedPostgres } from '../../src/postgres/start.ts'
import { openDatabase } from '../../src/store/connection/database.ts'
import { migrateToLatest } from '../../src/store/connection/migrate.ts'
import { keepSecret } from './leaks.ts'
import { makeRunDir } from './run-dir.ts'

/** A PostgreSQL server for one run, with a migrated database to copy. */
export type TestServer = {
  /** `postgres://` with the password. */
  url: string
  template: string
  /** A directory for the whole run; what lies below it is removed at the end, with the databases it serves. */
  runDir: string
  stop(): Promise<void>
  remove(): Promise<void>
}

/** A database of one's own. */
export type TestDatabase = {
  /** `postgres://` with the password. */
  url: string
  /** Removes it, cutting sessions still open. */
  drop(): Promise<void>
}

const template = 'migrated'
const log = { info: () => undefined, warn: console.warn, error: console.error }

/**
 * Starts a server in a place of its own.
 *
 * @param settings PostgreSQL settings over the service's own.
 */
export async function startTestServer(settings: Readonly<Record<string, string>> = {}): Promise<TestServer> {
  const runDir = await makeRunDir()
  try {
    const dataDir = path.join(runDir.path, 'server')
    const { url, stop } = await startEmbeddedPostgres({ dataDir, log, now: Date.now, settings })
    keepSecret(new URL(url).password)
    await migrateTemplate(url)
    return { url, template, runDir: runDir.path, stop, remove: runDir.remove }
  } catch (error) {
    await runDir.remove()
    throw error
  }
}

/** Makes a database with the newest schema and no rows. */
export async function copyTemplate(server: Pick<TestServer, 'url' | 'template'>): Promise<TestDatabase> {
  const name = `test_${randomBytes(8).toString('hex')}`
  await administer(server.url, `create database ${name} template ${server.template} strategy file_copy`)
  const url = new URL(server.url)
  url.pathname = `/${name}`
  return {
    url: url.href,
    drop: () => administer(server.url, `drop database if exists ${name} with (force)`),
  }
}

async function migrateTemplate(server: string): Promise<void> {
  await administer(server, `create database ${template}`)
  const url = new URL(server)
  url.pathname = `/${template}`
  const db = openDatabase({ url: url.href })
  try {
    await migrateToLatest(db)
  } finally {
    await db.destroy()
  }
}

async function administer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
