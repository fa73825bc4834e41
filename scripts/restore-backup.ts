import { createReadStream } from 'node:fs'
import { createGunzip } from 'node:zlib'
import { sql } from 'kysely'
import { LedgerError } from '../src/errors.ts'
import type { Database, Tx } from '../src/store/connection/database.ts'
import { lockMigrations, migrateTo } from '../src/store/connection/migrate.ts'
import { type BackupHead, notWhole, readHead, readLine } from './backup-format.ts'
import { ledgerSequences, ledgerTables, selfReferences } from './ledger-tables.ts'

/** How many rows one statement writes. */
const rowsAtOnce = 1_000

export type RestoreOptions = {
  /** Cancels what was still to be deleted at the time of the backup; left out: the service goes on with it. */
  cancelDeletions?: boolean
}

/**
 * Fills an empty database from a backup, all or nothing, also when it is killed: tables and rows come in one transaction. A service that
 * starts meanwhile, and another restore, wait for its end. The database has then the schema that the backup had; the next
 * start of the service migrates it.
 *
 * @returns how many rows were restored.
 * @throws `config_invalid` when the database is not empty, when the file is no whole backup, or when a later version made it.
 */
export async function restoreBackup(
  db: Database,
  file: string,
  { cancelDeletions = false }: RestoreOptions = {},
): Promise<number> {
  // Read twice: whether the file is whole shows at its end, and the tables are made before the rows come.
  const { head, rows } = await checkBackup(file)
  try {
    await db.transaction().execute(async (tx) => {
      await sql`set local statement_timeout = 0`.execute(tx)
      await sql`set local idle_in_transaction_session_timeout = 0`.execute(tx)
      await lockMigrations(tx)
      await refuseUnlessEmpty(tx)
      await migrateTo(tx, head.migrations)
      await inAnyOrder(tx, () => fill(tx, file))
      if (cancelDeletions) await cancelBulkDeletions(tx)
    })
  } catch (error) {
    throw isRefusal(error)
      ? new LedgerError(
          'config_invalid',
          `The database refuses a row of the backup: ${error.message}. Nothing was restored.`,
        )
      : error
  }
  return rows
}

/** In the schema of any version. */
const isOpenBulk = sql`kind <> 'user' and finished_at is null`

/** The ids of the deletions of many users, or of admins, that have not ended. */
export async function listOpenBulks(db: Database): Promise<bigint[]> {
  const { rows } = await sql<{ id: bigint }>`
    select id from deletions where ${isOpenBulk} order by id`.execute(db)
  return rows.map(({ id }) => id)
}

/** As callers do over HTTP. The service then ends them, and sends the panel nothing. */
async function cancelBulkDeletions(tx: Tx): Promise<void> {
  await sql`update deletions set cancel_requested_at = clock_timestamp() where ${isOpenBulk}`.execute(tx)
}

async function checkBackup(file: string): Promise<{ head: BackupHead; rows: number }> {
  let head: BackupHead | null = null
  let rows = 0
  let end: number | null = null
  for await (const text of linesOf(file)) {
    if (head === null) {
      head = readHead(text)
      continue
    }
    if (end !== null) throw notWhole()
    const line = readLine(text)
    if (line.kind === 'row') rows += 1
    if (line.kind === 'end') end = line.rows
  }
  if (head === null || end !== rows) throw notWhole()
  return { head, rows }
}

async function refuseUnlessEmpty(db: Tx): Promise<void> {
  const { rows } = await sql<{ tables: boolean }>`
    select exists (select from pg_class where relnamespace = current_schema()::regnamespace and relkind = 'r') as tables`.execute(
    db,
  )
  if (rows[0]?.tables === false) return
  throw new LedgerError(
    'config_invalid',
    'The database is not empty. Nothing was restored. Make a new database, or set DATA_DIR to a new directory.',
  )
}

/** Classes 22 and 23 of PostgreSQL's errors: a value that a column cannot hold, or may not. */
function isRefusal(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && /^2[23]/.test(String(error.code))
}

/**
 * A backup has the rows of a table as the disk had them: one that was rewritten often stands behind those that refer to it. So what
 * refers to its own table is checked once, after `work`. References to other tables need no such wait, which would keep a note of each
 * row in the memory of PostgreSQL: their tables come in order.
 */
async function inAnyOrder(tx: Tx, work: () => Promise<void>): Promise<void> {
  const references = await selfReferences(tx)
  const alter = async (how: 'deferrable initially deferred' | 'not deferrable') => {
    for (const { table, name } of references) {
      await sql`alter table ${sql.table(table)} alter constraint ${sql.ref(name)} ${sql.raw(how)}`.execute(tx)
    }
  }
  await alter('deferrable initially deferred')
  await work()
  await sql`set constraints all immediate`.execute(tx)
  await alter('not deferrable')
}

async function fill(tx: Tx, file: string): Promise<void> {
  const tables = new Map((await ledgerTables(tx)).map((table) => [table.name, table.columns]))
  const sequences = new Set(await ledgerSequences(tx))
  // Some migrations write rows of their own, which the backup has too.
  for (const name of [...tables.keys()].reverse()) await sql`delete from ${sql.table(name)}`.execute(tx)
  let table = ''
  let waiting: string[] = []
  const write = async () => {
    if (waiting.length > 0) await insert(tx, table, tables.get(table) ?? [], waiting)
    waiting = []
  }
  let isHead = true
  for await (const text of linesOf(file)) {
    if (isHead) {
      isHead = false
      continue
    }
    const line = readLine(text)
    if (line.kind === 'row') {
      waiting.push(line.json)
      if (waiting.length >= rowsAtOnce) await write()
      continue
    }
    await write()
    if (line.kind === 'table') {
      if (!tables.has(line.name)) throw notWhole()
      table = line.name
    }
    if (line.kind === 'sequence') {
      if (!sequences.has(line.name)) throw notWhole()
      if (line.last !== null)
        await sql`select setval(${line.name}::regclass, ${line.last}::bigint)`.execute(tx)
    }
  }
}

async function insert(tx: Tx, table: string, columns: string[], rows: string[]): Promise<void> {
  const listed = sql.join(columns.map((column) => sql.ref(column)))
  await sql`insert into ${sql.table(table)} (${listed}) overriding system value
    select ${listed} from json_populate_recordset(null::${sql.table(table)}, ${`[${rows.join(',')}]`}::json)`.execute(
    tx,
  )
}

async function* linesOf(file: string): AsyncGenerator<string> {
  const source = createReadStream(file)
  const plain = createGunzip()
  source.on('error', (error) => plain.destroy(error)).pipe(plain)
  plain.setEncoding('utf8')
  let rest = ''
  try {
    for await (const text of plain) {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      yield* lines
    }
  } catch (error) {
    throw explain(error, file)
  } finally {
    source.destroy()
  }
  if (rest !== '') throw notWhole()
}

function explain(error: unknown, file: string): unknown {
  const { code } = error as { code?: unknown }
  if (typeof code !== 'string' || error instanceof LedgerError) return error
  if (code.startsWith('Z_')) return notWhole()
  if (/^E[A-Z]+$/.test(code)) return new LedgerError('config_invalid', `${file} cannot be read (${code}).`)
  return error
}
