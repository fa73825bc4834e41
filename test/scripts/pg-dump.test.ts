import { execFile } from 'node:child_process'
import { globSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { sql } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'
import { restoreBackup } from '../../scripts/restore-backup.ts'
import { openDatabase } from '../../src/store/connection/database.ts'
import { isMigrated, migrateToLatest } from '../../src/store/connection/migrate.ts'
import { contentsOf } from '../support/contents.ts'
import { inconsistentAccounts } from '../support/ledger.ts'
import { startSystemServer, systemBinaries } from '../support/system-postgres.ts'

const run = promisify(execFile)
const fixtures = path.join(import.meta.dirname, '../store/connection/fixtures')
const [newest = ''] = globSync('*.backup', { cwd: fixtures }).sort().reverse()

test.runIf(systemBinaries)(
  'pg_dump and psql keep a whole ledger, on a server older than the embedded one (skipped where PostgreSQL is not installed)',
  async () => {
    const binaries = systemBinaries ?? ''
    const server = await startSystemServer(binaries)
    onTestFinished(() => server.stop())
    const place = await mkdtemp(path.join(tmpdir(), 'ledger-dump-'))
    onTestFinished(() => rm(place, { recursive: true }))
    const [source, target] = [await server.create('ledger'), await server.create('restored')]
    const dump = path.join(place, 'ledger.sql')

    const db = openDatabase({ url: source })
    await restoreBackup(db, path.join(fixtures, newest))
    await migrateToLatest(db)
    const before = await contentsOf(db)
    await db.destroy()
    await run(path.join(binaries, 'pg_dump'), [`--file=${dump}`, source])
    await run(path.join(binaries, 'psql'), ['--set=ON_ERROR_STOP=1', `--file=${dump}`, target])

    const restored = openDatabase({ url: target })
    try {
      expect(await contentsOf(restored)).toEqual(before)
      expect(await isMigrated(restored)).toBe(true)
      expect(await inconsistentAccounts(restored)).toEqual([])
      const lower = sql`update cumulative_traffic set total_traffic_consumed = total_traffic_consumed - 1`
      await expect(lower.execute(restored)).rejects.toThrow()
    } finally {
      await restored.destroy()
    }
  },
)
