import { sql } from 'kysely'
import { ledgerTables } from '../../scripts/ledger-tables.ts'
import type { Database } from '../../src/store/connection/database.ts'
import { migrateTo } from '../../src/store/connection/migrate.ts'

/** The rows of each table of a ledger, as texts of JSON, by table and column. */
export type Contents = Record<string, Record<string, string>[]>

/** All that a ledger holds. */
export async function contentsOf(db: Database): Promise<Contents> {
  const contents: Contents = {}
  for (const { name, columns } of await ledgerTables(db)) {
    const texts = columns.map((column) => sql`${sql.ref(column)}::text as ${sql.ref(column)}`)
    const { rows } = await sql<Record<string, string>>`
      select ${sql.join(texts)} from ${sql.table(name)} order by ${sql.join(columns.map((column) => sql.ref(column)))}`.execute(
      db,
    )
    contents[name] = rows
  }
  return contents
}

/** What is left of `contents` in a schema that has only the tables and columns of `other`. */
export function heldBy(contents: Contents, other: Record<string, string[]>): Contents {
  const kept = Object.entries(contents).filter(([table]) => table in other)
  return Object.fromEntries(
    kept.map(([table, rows]) => [
      table,
      rows
        .map((row) =>
          Object.fromEntries(Object.entries(row).filter(([name]) => other[table]?.includes(name))),
        )
        .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)),
    ]),
  )
}

/** Removes all tables of a ledger: the database is as a new one. */
export async function empty(db: Database): Promise<void> {
  await migrateTo(db, [])
  await sql`drop table kysely_migration, kysely_migration_lock`.execute(db)
}
