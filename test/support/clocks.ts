import { writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import pg from 'pg'

/** Which clock is wrong: that of a machine that runs everything, or of one of two machines. */
export type Which = 'both' | 'service' | 'database'

/**
 * What statements find in place of the server's own clock; those of the queues too, since they go by the ledger's. Tables
 * are made in the schema `public` as ever.
 */
const shadow = `
  create schema chaos;
  create table chaos.clock as select interval '0' as shift;
  create function chaos.clock_timestamp() returns timestamptz language sql volatile
    as 'select pg_catalog.clock_timestamp() + shift from chaos.clock';
  create function chaos.now() returns timestamptz language sql stable
    as 'select pg_catalog.now() + shift from chaos.clock'`
/** The clocks of the service and of its database, which can be set. */
export class Clocks {
  /** What the service's process has to be started with. */
  readonly environment: Record<string, string>
  private serviceMs = 0
  private readonly file: string

  /** @param file keeps how wrong the service's clock is. */
  constructor(file: string) {
    this.file = file
    const preload = pathToFileURL(`${import.meta.dirname}/shifted-clock.ts`).href
    this.environment = { NODE_OPTIONS: `--import ${preload}`, CLOCK_SHIFT: file }
    writeFileSync(file, '0')
  }

  /** Prepares a database that has no tables yet. */
  async shadow(url: string): Promise<void> {
    await query(url, shadow)
    const name = pg.escapeIdentifier(new URL(url).pathname.slice(1))
    await query(url, `alter database ${name} set search_path = public, chaos, pg_catalog`)
  }

  /** Sets clocks forward by so many milliseconds, or back. */
  async jump(url: string, which: Which, ms: number): Promise<void> {
    if (which !== 'service') {
      await query(url, `update chaos.clock set shift = shift + interval '${ms} milliseconds'`)
    }
    if (which !== 'database') {
      this.serviceMs += ms
      writeFileSync(this.file, String(this.serviceMs))
    }
  }
}

/** Runs a statement over a connection of its own. */
export async function query<Row extends pg.QueryResultRow>(url: string, text: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url, application_name: 'chaos' })
  client.on('error', () => {})
  try {
    await client.connect()
    return (await client.query<Row>(text)).rows
  } finally {
    await client.end().catch(() => {})
  }
}
