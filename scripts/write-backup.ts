import { randomBytes } from 'node:crypto'
import { access, link, open, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { sql } from 'kysely'
import { LedgerError } from '../src/errors.ts'
import type { Database, Tx } from '../src/store/connection/database.ts'
import { type BackupHead, type BackupLine, writeLine } from './backup-format.ts'
import { type LedgerTable, ledgerSequences, ledgerTables } from './ledger-tables.ts'

/** How many rows are in memory at once. */
const rowsAtOnce = 1_000

/**
 * Writes all tables of the ledger, as they are at one moment, to a new file that only its owner can open. The service may run.
 * The file has its name only when it is whole.
 *
 * @returns how many rows it holds.
 * @throws `config_invalid` when the file exists, or cannot be written.
 */
export async function writeBackup(db: Database, file: string): Promise<number> {
  if (await exists(file)) throw alreadyThere(file)
  const unfinished = `${path.resolve(file)}.${randomBytes(4).toString('hex')}.part`
  let rows = 0
  try {
    const tables = await ledgerTables(db)
    const target = (await open(unfinished, 'wx', 0o600)).createWriteStream()
    await db
      .transaction()
      .setIsolationLevel('repeatable read')
      .setAccessMode('read only')
      .execute(async (tx) => {
        await sql`set local statement_timeout = 0`.execute(tx)
        await sql`set local idle_in_transaction_session_timeout = 0`.execute(tx)
        await keepAsTheyAre(tx, tables)
        const counted = async function* () {
          for await (const line of linesOf(tx)) {
            if ('kind' in line && line.kind === 'end') rows = line.rows
            yield `${writeLine(line)}\n`
          }
        }
        await pipeline(Readable.from(counted()), createGzip(), target)
      })
    await flush(unfinished)
    await giveName(unfinished, path.resolve(file))
    await flush(path.dirname(path.resolve(file)))
    return rows
  } catch (error) {
    await rm(unfinished, { force: true })
    const { code } = error as { code?: unknown }
    if (code === 'EEXIST') throw alreadyThere(file)
    if (!(error instanceof LedgerError) && typeof code === 'string' && /^E[A-Z]+$/.test(code)) {
      throw new LedgerError('config_invalid', `${file} cannot be written (${code}).`)
    }
    throw error
  }
}

/**
 * A migration that writes a table anew would take all rows out of the view of a transaction that began before. It waits until this one has
 * ended. The first reading of a transaction decides what it sees: so the locks come before that, and what it sees is compared.
 */
async function keepAsTheyAre(tx: Tx, tables: LedgerTable[]): Promise<void> {
  const names = sql.join(tables.map(({ name }) => sql.table(name)))
  if (tables.length > 0) await sql`lock table ${names} in access share mode`.execute(tx)
  if (JSON.stringify(await ledgerTables(tx)) === JSON.stringify(tables)) return
  throw new LedgerError('config_invalid', 'The database was migrated at this moment. Start the backup again.')
}

async function* linesOf(tx: Tx): AsyncGenerator<BackupHead | BackupLine> {
  const { rows: steps } = await sql<{ name: string }>`
    select name from kysely_migration order by name`.execute(tx)
  const { rows: times } = await sql<{ now: string }>`
    select to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as now`.execute(tx)
  yield {
    marzban_ledger_backup: 1,
    migrations: steps.map(({ name }) => name),
    made_at: times[0]?.now ?? '',
  }
  let count = 0
  for (const { name, columns } of await ledgerTables(tx)) {
    yield { kind: 'table', name }
    const listed = sql.join(columns.map((column) => sql.ref(column)))
    await sql`declare backup no scroll cursor for
      select row_to_json(each)::text as json from (select ${listed} from ${sql.table(name)}) as each`.execute(
      tx,
    )
    for (;;) {
      const { rows } = await sql<{ json: string }>`fetch ${sql.lit(rowsAtOnce)} from backup`.execute(tx)
      if (rows.length === 0) break
      for (const { json } of rows) yield { kind: 'row', json }
      count += rows.length
    }
    await sql`close backup`.execute(tx)
  }
  // After the rows: a sequence is no part of the transaction, and must not be behind them.
  for (const name of await ledgerSequences(tx)) {
    const { rows } = await sql<{ last: string | null }>`
      select case when is_called then last_value::text end as last from ${sql.table(name)}`.execute(tx)
    yield { kind: 'sequence', name, last: rows[0]?.last ?? null }
  }
  yield { kind: 'end', rows: count }
}

function alreadyThere(file: string): LedgerError {
  return new LedgerError('config_invalid', `${file} exists. Give a new name.`)
}

/** What file systems without links answer, such as FAT. */
const withoutLinks = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'])

/**
 * Renames a file, unless there is one of that name: another backup may have written it meanwhile, and a rename would replace it.
 *
 * @throws an error of the code EEXIST when there is one.
 */
async function giveName(unfinished: string, name: string): Promise<void> {
  try {
    await link(unfinished, name)
  } catch (error) {
    if (!withoutLinks.has((error as NodeJS.ErrnoException).code ?? '')) throw error
    await rename(unfinished, name)
    return
  }
  await rm(unfinished)
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  )
}

async function flush(file: string): Promise<void> {
  const handle = await open(file, 'r')
  await handle.sync().finally(() => handle.close())
}
