/**
 * `npm run restore -- FILE`: fills an empty database from a file of `npm run backup`. DATABASE_URL or DATA_DIR say which, as for
 * the service; the embedded database is made. Exits with 0 if all is restored, otherwise with 1, and nothing is.
 */
import { existsSync } from 'node:fs'
import { isLedgerError, LedgerError } from '../src/errors.ts'
import { withNewDatabase } from './ledger-database.ts'
import { restoreBackup } from './restore-backup.ts'

if (existsSync('.env')) process.loadEnvFile()
try {
  const [file, ...others] = process.argv.slice(2)
  if (file === undefined || others.length > 0) {
    throw new LedgerError('invalid_request', 'Name one file: npm run restore -- ledger.backup')
  }
  const rows = await withNewDatabase(process.env, (db) => restoreBackup(db, file))
  console.log(`${rows} rows are restored. Start the service now: it reads the panel and goes on from here.`)
} catch (error) {
  if (!isLedgerError(error)) throw error
  console.error(error.message)
  process.exitCode = 1
}
