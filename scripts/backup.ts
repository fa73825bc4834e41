/**
 * `npm run backup -- FILE`: writes all of the ledger to a new file. DATABASE_URL or DATA_DIR say where it is, as for the service;
 * the service may run or not. Exits with 0 if the file is whole and on disk, otherwise with 1, and there is no file.
 */
import { existsSync } from 'node:fs'
import { isLedgerError, LedgerError } from '../src/errors.ts'
import { withDatabase } from './ledger-database.ts'
import { writeBackup } from './write-backup.ts'

if (existsSync('.env')) process.loadEnvFile()
try {
  const [file, ...others] = process.argv.slice(2)
  if (file === undefined || others.length > 0) {
    throw new LedgerError('invalid_request', 'Name one file: npm run backup -- ledger.backup')
  }
  const rows = await withDatabase(process.env, (db) => writeBackup(db, file))
  console.log(`${file} holds ${rows} rows. It is readable only for you: it holds the hashes of keys.`)
} catch (error) {
  if (!isLedgerError(error)) throw error
  console.error(error.message)
  process.exitCode = 1
}
