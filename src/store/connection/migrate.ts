import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { sql } from 'kysely'
import { type Migration, Migrator, NO_MIGRATIONS } from 'kysely/migration'
import { isLedgerError, LedgerError } from '../../errors.ts'
import type { Database, Tx } from './database.ts'

/** Where the steps stand: beside the bundle, or beside the sources. */
const besideBundle = path.join(import.meta.dirname, 'migrations')
const folder = existsSync(besideBundle)
  ? besideBundle
  : path.join(import.meta.dirname, '../../../db/migrations')

/** What identifies our lock among the advisory locks of a database; any number that no other program uses. */
const lockKey = 6_274_611_508n

export type MigrateOptions = {
  /** Called once when another replica is migrating and this one waits for it. */
  onWait?: () => void
  /** The steps to apply, by name; those of `db/migrations` unless given. */
  steps?: Record<string, Migration>
}

/**
 * Brings the database to the newest schema. Replicas that start together migrate one after the other.
 *
 * A step may take longer than any statement of the service: on a large table an index takes minutes. So the steps run on
 * one connection that has no time limits.
 *
 * @returns the names of the steps that were applied.
 */
export async function migrateToLatest(
  db: Database,
  { onWait, steps }: MigrateOptions = {},
): Promise<string[]> {
  return db.connection().execute(async (connection) => {
    const limits = await limitsOf(connection)
    await setLimits(
      connection,
      limits.map(({ name }) => ({ name, value: '0' })),
    )
    try {
      await lock(connection, onWait)
      const { error, results = [] } = await migrator(connection, steps).migrateToLatest()
      if (error) throw error
      return results.map((result) => result.migrationName)
    } finally {
      await release(connection, limits)
    }
  })
}

const timeLimits = ['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout']

type Limit = { name: string; value: string }

async function limitsOf(connection: Database): Promise<Limit[]> {
  const { rows } = await sql<Limit>`
    select name, current_setting(name) as value from unnest(${timeLimits}::text[]) as name`.execute(
    connection,
  )
  return rows
}

async function setLimits(connection: Database, limits: readonly Limit[]): Promise<void> {
  await sql`
    select set_config(name, value, false)
    from unnest(${limits.map(({ name }) => name)}::text[], ${limits.map(({ value }) => value)}::text[]) as new (name, value)
  `.execute(connection)
}

/** Takes a lock that lasts as long as the session, so that a replica that dies leaves none behind. */
async function lock(connection: Database, onWait: (() => void) | undefined): Promise<void> {
  const { rows } = await sql<{ taken: boolean }>`select pg_try_advisory_lock(${lockKey}) as taken`.execute(
    connection,
  )
  if (rows[0]?.taken) return
  onWait?.()
  await sql`select pg_advisory_lock(${lockKey})`.execute(connection)
}

/** Until the transaction ends, no other migrates: neither a replica that starts, nor another restore. */
export async function lockMigrations(tx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock(${lockKey})`.execute(tx)
}

/** The connection goes back to the pool as it came. A connection that is lost has lost its lock and settings too. */
async function release(connection: Database, limits: readonly Limit[]): Promise<void> {
  try {
    await sql`select pg_advisory_unlock(${lockKey})`.execute(connection)
    await setLimits(connection, limits)
  } catch (error) {
    if (!isLedgerError(error, 'database_unavailable')) throw error
  }
}

/**
 * Brings the database to the schema of `steps`, up or down.
 *
 * @param steps the first ones of this version, in their order; none: every migration is undone, the way back that each one has to have.
 * @throws `config_invalid` when this version has other steps.
 */
export async function migrateTo(db: Database | Tx, steps: readonly string[]): Promise<void> {
  const known = Object.keys(await migrations()).sort()
  const last = steps.at(-1)
  if (steps.some((step, index) => known[index] !== step)) {
    throw new LedgerError(
      'config_invalid',
      'A later version of this service made the schema. Use that version.',
    )
  }
  const { error } = await migrator(db).migrateTo(last ?? NO_MIGRATIONS)
  if (error) throw error
}

/** Whether all migrations of this version have been applied. */
export async function isMigrated(db: Database): Promise<boolean> {
  const steps = await migrator(db).getMigrations()
  return steps.every((step) => step.executedAt !== undefined)
}

function migrator(db: Database | Tx, steps?: Record<string, Migration>): Migrator {
  const getMigrations = steps ? async () => steps : migrations
  return new Migrator({ db, provider: { getMigrations } })
}

async function migrations(): Promise<Record<string, Migration>> {
  // In the bundle they are compiled, with their source maps beside them.
  const files = (await readdir(folder)).filter((file) => /\.(ts|js)$/.test(file))
  const loaded = files.map(
    async (file): Promise<[string, Migration]> => [
      path.parse(file).name,
      (await import(pathToFileURL(path.join(folder, file)).href)) as Migration,
    ],
  )
  return Object.fromEntries(await Promise.all(loaded))
}
