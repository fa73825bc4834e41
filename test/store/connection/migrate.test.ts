import { sql } from 'kysely'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createConnectionQueue } from '../../../src/store/connection/connection-queue.ts'
import { type Database, openDatabase } from '../../../src/store/connection/database.ts'
import { type MigrateOptions, migrateToLatest } from '../../../src/store/connection/migrate.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'

let database: TestDatabase
/** One connection: what a migration leaves behind on it, the next statement meets. */
let db: Database

beforeAll(async () => {
  database = await createTestDatabase()
  db = openDatabase({ url: database.url, connections: createConnectionQueue(1) })
  await sql`drop table kysely_migration, kysely_migration_lock`.execute(db)
})
afterAll(async () => {
  await db.destroy()
  await database.drop()
})

type Steps = NonNullable<MigrateOptions['steps']>
const down = async () => {}
const limits = ['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout']

async function limitsOf(of: Pick<Database, 'executeQuery' | 'getExecutor'>): Promise<Record<string, string>> {
  const { rows } = await sql<{ name: string; limit: string }>`
    select name, current_setting(name) as limit from unnest(${limits}::text[]) as name`.execute(
    of as Database,
  )
  return Object.fromEntries(rows.map(({ name, limit }) => [name, limit]))
}

test('steps run without time limits, and the connection has them again afterwards', async () => {
  const before = await limitsOf(db)
  const during: Record<string, string>[] = []
  const steps: Steps = { '1-slow': { up: async (tx) => void during.push(await limitsOf(tx)), down } }

  expect(await migrateToLatest(db, { steps })).toEqual(['1-slow'])
  // Kysely waits an hour for its own lock, under ours at most for nothing.
  expect(during).toMatchObject([{ statement_timeout: '0', idle_in_transaction_session_timeout: '0' }])
  expect(before).toMatchObject({ statement_timeout: '1min' })
  expect(await limitsOf(db)).toEqual(before)
})

test('a step that fails leaves neither the lock nor a connection without limits behind', async () => {
  const steps: Steps = {
    '1-slow': { up: down, down },
    '2-broken': { up: async (tx) => void (await sql`select 1/0`.execute(tx)), down },
  }
  await expect(migrateToLatest(db, { steps })).rejects.toThrow('division by zero')
  expect(await limitsOf(db)).toMatchObject({ statement_timeout: '1min' })
  const { rows } = await sql`select from pg_locks join pg_database on pg_database.oid = pg_locks.database
    where locktype = 'advisory' and datname = current_database()`.execute(db)
  expect(rows).toEqual([])
})

test('a replica waits while another one migrates, says so, and then finds nothing left to do', async () => {
  const entered = Promise.withResolvers<void>()
  const held = Promise.withResolvers<void>()
  let waits = 0
  const steps: Steps = {
    '1-slow': { up: down, down },
    '2-long': {
      up: async () => {
        entered.resolve()
        await held.promise
      },
      down,
    },
  }
  const first = migrateToLatest(db, { steps })
  await entered.promise
  const other = openDatabase({ url: database.url, connections: createConnectionQueue(1) })
  const second = migrateToLatest(other, { steps, onWait: () => (waits += 1) })
  await expect.poll(() => waitersOf(database.url)).toBe(1)
  expect(waits).toBe(1)
  held.resolve()
  expect([await first, await second]).toEqual([['2-long'], []])
  await other.destroy()
})

/** Sessions that wait for an advisory lock. */
async function waitersOf(url: string): Promise<number> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const { rows } = await client.query(
    `select from pg_locks join pg_database on pg_database.oid = pg_locks.database
     where locktype = 'advisory' and not granted and datname = current_database()`,
  )
  await client.end()
  return rows.length
}
