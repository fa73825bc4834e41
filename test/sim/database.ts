import { sql } from 'kysely'
import pg from 'pg'
import { createConnectionQueue } from '../../src/store/connection/connection-queue.ts'
import { type Database, openDatabase } from '../../src/store/connection/database.ts'

/** A migrated database that simulations use one after another, with a clock of their own. */
export type SimDatabase = {
  /** The real thing, past the scheduler. */
  db: Database
  /** Sets the time that the ledger's statements see, in milliseconds since 1970. */
  setTime(ms: number): Promise<void>
  /** Notes a session as alive, and returns what identifies it in the column `worker`. */
  openSession(pid: number): Promise<string>
  closeSession(pid: number): Promise<void>
  /** Keeps a copy of all tables and sequences under a name; the copy `empty` is there from the start. */
  save(copy: 'backup'): Promise<void>
  load(copy: 'backup' | 'empty'): Promise<void>
  /** Whether the backend waits for a lock. */
  isBlocked(pid: number): Promise<boolean>
  cancel(pid: number): Promise<void>
  close(): Promise<void>
}

/** The ledger's own: the queues have a schema of theirs. */
async function namesOf(
  client: pg.Client,
  view: 'pg_tables' | 'pg_sequences',
  column: string,
): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select ${column} as name from ${view} where schemaname = 'public' and ${column} not like 'kysely%' order by 1`,
  )
  return rows.map(({ name }) => name)
}

/** What the ledger's statements find before the server's own: a clock, and the list of living sessions. */
const replaced = `
  create schema sim;
  create table sim.clock as select clock_timestamp() as at;
  create function sim.clock_timestamp() returns timestamptz language sql as 'select at from sim.clock';
  create function sim.now() returns timestamptz language sql as 'select at from sim.clock';
  create table sim.pg_stat_activity (pid integer, backend_start timestamptz)`

/** Has columns take their defaults from that clock too: those were bound to the server's own when they were made. */
async function replaceDefaults(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ change: string }>(`
    select format('alter table public.%I alter column %I set default sim.clock_timestamp()', table_name, column_name) as change
    from information_schema.columns
    where table_schema = 'public' and column_default ~ '^(pg_catalog[.])?(clock_timestamp|now)[(][)]$'`)
  for (const { change } of rows) await client.query(change)
}

/** Prepares the database at `url`, which nobody else may use. */
export async function prepareDatabase(url: string): Promise<SimDatabase> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(replaced)
  await replaceDefaults(client)
  const name = client.escapeIdentifier(new URL(url).pathname.slice(1))
  // A deadlock is found as soon as it is closed, so that the transaction which closes it is the victim.
  await client.query(`alter database ${name} set deadlock_timeout = '1ms'`)
  await client.query(`alter database ${name} set search_path = sim, pg_catalog, public`)
  // The tables' triggers and keys are for the ledger, not for who puts an older state of it back.
  await client.query('set session_replication_role = replica')
  const tables = await namesOf(client, 'pg_tables', 'tablename')
  const sequences = await namesOf(client, 'pg_sequences', 'sequencename')
  const save = async (copy: string) => {
    await client.query(`
      begin isolation level repeatable read;
      drop schema if exists sim_${copy} cascade;
      create schema sim_${copy};
      ${tables.map((table) => `create table sim_${copy}.${table} as table public.${table};`).join('\n')}
      ${sequences.map((sequence) => `create table sim_${copy}.${sequence} as select last_value, is_called from public.${sequence};`).join('\n')}
      commit`)
  }
  await save('empty')
  const db = openDatabase({ url, connections: createConnectionQueue(40) })
  return {
    db,
    save,
    setTime: async (ms) => {
      await client.query('update sim.clock set at = to_timestamp($1::float8 / 1000)', [ms])
    },
    openSession: async (pid) => {
      const { rows } = await client.query<{ worker: string }>(
        `insert into sim.pg_stat_activity values ($1::integer, to_timestamp($1::integer))
         returning pid || ' ' || extract(epoch from backend_start) as worker`,
        [pid],
      )
      return rows[0]?.worker ?? ''
    },
    closeSession: async (pid) => {
      await client.query('delete from sim.pg_stat_activity where pid = $1', [pid])
    },
    load: async (copy) => {
      await client.query(`
        begin;
        ${tables.map((table) => `delete from public.${table}; insert into public.${table} overriding system value table sim_${copy}.${table};`).join('\n')}
        ${sequences.map((sequence) => `select setval('public.${sequence}', last_value, is_called) from sim_${copy}.${sequence};`).join('\n')}
        delete from sim.pg_stat_activity;
        commit`)
    },
    isBlocked: async (pid) => {
      const { rows } = await client.query<{ blocked: boolean }>(
        `select pg_blocking_pids($1) <> '{}' as blocked`,
        [pid],
      )
      return rows[0]?.blocked === true
    },
    cancel: async (pid) => {
      await client.query('select pg_cancel_backend($1)', [pid])
    },
    close: async () => {
      await db.destroy()
      await client.end()
    },
  }
}

/** The server process that serves a connection. */
export async function pidOf(connection: Database): Promise<number> {
  const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(connection)
  return rows[0]?.pid ?? 0
}
