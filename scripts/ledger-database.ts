import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { sql } from 'kysely'
import { isLedgerError, LedgerError } from '../src/errors.ts'
import { createLogger } from '../src/log.ts'
import { database, urlOf } from '../src/postgres/layout.ts'
import { findPostmaster } from '../src/postgres/postmaster.ts'
import { startEmbeddedPostgres } from '../src/postgres/start.ts'
import { type Database, openDatabase } from '../src/store/connection/database.ts'
import { checkServer } from '../src/store/connection/requirements.ts'
import { ifSet } from './if-set.ts'

/** What says where the database is; see {@link ifSet}. */
export type DatabaseEnvironment = { DATABASE_URL?: string | undefined; DATA_DIR?: string | undefined }

/**
 * Opens the service's database for one piece of work, whether the service runs or not. The embedded server is started if it
 * does not run, and then stopped again.
 *
 * @throws `config_invalid`, `database_unavailable`, with the remedy.
 */
export async function withDatabase<T>(
  { DATABASE_URL, DATA_DIR }: DatabaseEnvironment,
  work: (db: Database) => Promise<T>,
): Promise<T> {
  await using closing = new AsyncDisposableStack()
  const given = ifSet(DATABASE_URL)
  const url = given ? checked(given) : await reachEmbedded(ifSet(DATA_DIR) ?? './data', closing)
  const where = given ? 'DATABASE_URL' : 'DATA_DIR'
  return await workIn({ url, where }, closing, async (db) => {
    await checkTables(db)
    return work(db)
  })
}

/** Carries out `work`, and says to who sits at the terminal why the database cannot be used. */
async function workIn<T>(
  { url, where }: { url: string; where: 'DATABASE_URL' | 'DATA_DIR' },
  closing: AsyncDisposableStack,
  work: (db: Database) => Promise<T>,
): Promise<T> {
  const db = openDatabase({ url })
  closing.defer(() => db.destroy())
  try {
    return await work(db)
  } catch (error) {
    if (!isLedgerError(error, 'database_unavailable', 'config_invalid')) throw error
    const sentence = error.forOperator ?? error.message
    if (error.code === 'config_invalid') throw new LedgerError(error.code, sentence, { cause: error.cause })
    const what = where === 'DATA_DIR' ? where : `${where}: the host, the port, the name and the password`
    throw new LedgerError(error.code, `${sentence} Check ${what}.`, { cause: error.cause })
  }
}

/**
 * Opens a database that is to be filled, likewise. The embedded one is made if there is none below DATA_DIR.
 *
 * @throws `config_invalid`, `database_unavailable`; `data_dir_in_use` when a service runs there.
 */
export async function withNewDatabase<T>(
  { DATABASE_URL, DATA_DIR }: DatabaseEnvironment,
  work: (db: Database) => Promise<T>,
): Promise<T> {
  await using closing = new AsyncDisposableStack()
  const given = ifSet(DATABASE_URL)
  const url = given ? checked(given) : await startServer(ifSet(DATA_DIR) ?? './data', closing)
  const where = given ? 'DATABASE_URL' : 'DATA_DIR'
  return await workIn({ url, where }, closing, async (db) => {
    // What the service would refuse at its start, such as a standby or another encoding.
    await checkServer(db, async () => true)
    return work(db)
  })
}

function checked(url: string): string {
  if (URL.canParse(url) && /^postgres(ql)?:$/.test(new URL(url).protocol)) return url
  throw new LedgerError('config_invalid', 'DATABASE_URL must be a postgres:// or postgresql:// address.')
}

/** The running server is the service's: it keeps it. */
async function reachEmbedded(dataDir: string, closing: AsyncDisposableStack): Promise<string> {
  const home = path.join(path.resolve(dataDir), 'postgres')
  const data = path.join(home, 'data')
  try {
    await readFile(path.join(data, 'PG_VERSION'))
    const found = await findPostmaster(data, Date.now)
    if (found.state === 'running') {
      const password = (await readFile(path.join(home, 'password'), 'utf8')).trim()
      return urlOf({ password }, found.postmaster.port, database)
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT' && code !== 'EACCES' && code !== 'ENOTDIR') throw error
    const what = code === 'EACCES' ? 'This user may not read the database' : 'There is no database'
    throw new LedgerError(
      'config_invalid',
      `${what} below DATA_DIR ${path.resolve(dataDir)} (${code}). Set DATA_DIR or DATABASE_URL as for the service` +
        (code === 'EACCES' ? ', and run this as the user that runs it.' : ', and start the service once.'),
    )
  }
  return startServer(dataDir, closing)
}

async function startServer(dataDir: string, closing: AsyncDisposableStack): Promise<string> {
  const postgres = await startEmbeddedPostgres({ dataDir, log: createLogger('silent'), now: Date.now })
  closing.defer(() => postgres.stop())
  return postgres.url
}

async function checkTables(db: Database): Promise<void> {
  const { rows } = await sql<{
    exists: boolean
  }>`select to_regclass('api_keys') is not null as exists`.execute(db)
  if (rows[0]?.exists) return
  throw new LedgerError(
    'config_invalid',
    'The database has not the tables of this version yet: start the service once.',
  )
}
