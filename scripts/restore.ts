/**
 * `npm run restore -- FILE [--cancel-deletions]`: fills an empty database from a file of `npm run backup`. DATABASE_URL or DATA_DIR
 * say which, as for the service; the embedded database is made. Deletions that were under way then go on, unless they are
 * cancelled. Exits with 0 if all is restored, otherwise with 1, and nothing is.
 */
import { existsSync } from 'node:fs'
import { isLedgerError, LedgerError } from '../src/errors.ts'
import { withNewDatabase } from './ledger-database.ts'
import { listOpenBulks, restoreBackup } from './restore-backup.ts'

if (existsSync('.env')) process.loadEnvFile()
try {
  const { file, cancelDeletions } = parse()
  const { rows, open } = await withNewDatabase(process.env, async (db) => ({
    rows: await restoreBackup(db, file, { cancelDeletions }),
    open: await listOpenBulks(db),
  }))
  const fate = cancelDeletions
    ? 'They are cancelled.'
    : 'The service goes on with them: to prevent that, restore with --cancel-deletions.'
  const ids = open.join(', ')
  if (open.length > 0)
    console.log(`Deletions of many users were under way at the time of the backup: ${ids}. ${fate}`)
  console.log(`${rows} rows are restored. Start the service now: it reads the panel and goes on from here.`)
} catch (error) {
  if (!isLedgerError(error)) throw error
  console.error(error.message)
  process.exitCode = 1
}

function parse(): { file: string; cancelDeletions: boolean } {
  const words = process.argv.slice(2)
  const [file, ...others] = words.filter((word) => word !== '--cancel-deletions')
  if (file === undefined || others.length > 0) {
    throw new LedgerError('invalid_request', 'Name one file: npm run restore -- ledger.backup')
  }
  return { file, cancelDeletions: words.includes('--cancel-deletions') }
}
