import { sql } from 'kysely'
import type { Database, Tx } from '../src/store/connection/database.ts'

/** A table of the ledger, with the columns that a row is written with. */
export type LedgerTable = { name: string; columns: string[] }

/** The tables of the ledger's schema: one that another refers to comes before it. */
export async function ledgerTables(db: Database | Tx): Promise<LedgerTable[]> {
  const { rows } = await sql<LedgerTable>`
    select relname as name, array_agg(attname::text order by attnum) as columns
    from pg_class join pg_attribute on attrelid = pg_class.oid
    where relnamespace = current_schema()::regnamespace and relkind = 'r' and relname not like 'kysely\\_%'
      and attnum > 0 and not attisdropped and attgenerated = ''
    group by relname order by relname`.execute(db)
  const { rows: references } = await sql<{ from: string; to: string }>`
    select source.relname as from, target.relname as to
    from pg_constraint
      join pg_class as source on source.oid = conrelid join pg_class as target on target.oid = confrelid
    where contype = 'f' and connamespace = current_schema()::regnamespace and conrelid <> confrelid`.execute(
    db,
  )
  const sorted: LedgerTable[] = []
  while (sorted.length < rows.length) {
    const isLeft = (name: string) => !sorted.some((table) => table.name === name)
    const next = rows.find(
      ({ name }) => isLeft(name) && references.every(({ from, to }) => from !== name || !isLeft(to)),
    )
    if (next === undefined) throw new Error('The tables of the ledger refer to each other in a circle.')
    sorted.push(next)
  }
  return sorted
}

/** A foreign key by which rows of a table refer to others of the same table. */
export type SelfReference = { table: string; name: string }

/** The references within one table that PostgreSQL checks at each statement: no order of tables helps there. */
export async function selfReferences(db: Database | Tx): Promise<SelfReference[]> {
  const { rows } = await sql<SelfReference>`
    select relname as table, conname as name
    from pg_constraint join pg_class on pg_class.oid = conrelid
    where contype = 'f' and connamespace = current_schema()::regnamespace and conrelid = confrelid
      and not condeferrable
    order by relname, conname`.execute(db)
  return rows
}

/** The sequences of the ledger's schema: those of its tables' numbers, and the logical clock. */
export async function ledgerSequences(db: Database | Tx): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select relname as name from pg_class
    where relnamespace = current_schema()::regnamespace and relkind = 'S' order by relname`.execute(db)
  return rows.map(({ name }) => name)
}
