import { execFile } from 'node:child_process'
import { globSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { gunzipSync, gzipSync } from 'node:zlib'
import { sql } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'
import { restoreBackup } from '../../scripts/restore-backup.ts'
import { type Database, openDatabase } from '../../src/store/connection/database.ts'
import { isMigrated, migrateToLatest } from '../../src/store/connection/migrate.ts'
import { contentsOf } from '../support/contents.ts'
import { inconsistentAccounts } from '../support/ledger.ts'
import { startSystemServer, systemBinaries } from '../support/system-postgres.ts'

const run = promisify(execFile)
const fixtures = path.join(import.meta.dirname, '../store/connection/fixtures')
const [newest = ''] = globSync('*.backup', { cwd: fixtures }).sort().reverse()

/** A server of the machine's own PostgreSQL, and a directory, until the end of the test. */
async function openPlace() {
  const binaries = systemBinaries ?? ''
  const server = await startSystemServer(binaries)
  onTestFinished(() => server.stop())
  const place = await mkdtemp(path.join(tmpdir(), 'ledger-dump-'))
  onTestFinished(() => rm(place, { recursive: true }))
  return { binaries, server, place }
}

test.runIf(systemBinaries)(
  'pg_dump and psql keep a whole ledger, on a server older than the embedded one (skipped where PostgreSQL is not installed)',
  async () => {
    const { binaries, server, place } = await openPlace()
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

test.runIf(systemBinaries)(
  'the lines of docs/operating.md, pasted, restore a dump, and leave a ledger alone that has begun (skipped where PostgreSQL is not installed)',
  async () => {
    const { binaries, server, place } = await openPlace()
    const [source, empty, begun] = [
      await server.create('ledger'),
      await server.create('empty'),
      await server.create('begun'),
    ]
    const contents = async (url: string, change: (db: Database) => Promise<unknown> = async () => {}) => {
      const db = openDatabase({ url })
      try {
        await change(db)
        return await contentsOf(db)
      } finally {
        await db.destroy()
      }
    }
    const before = await contents(source, async (db) => {
      await restoreBackup(db, path.join(fixtures, newest))
      await migrateToLatest(db)
    })
    // As `docker compose up` leaves one, before anything is restored.
    const new_ = await contents(begun, (db) => migrateToLatest(db))
    const [dump = '', load = '', isWhole = ''] = linesOf(await readFile(operating, 'utf8'))
    const paste = (line: string, url: string) => {
      const env = { ...process.env, PATH: `${binaries}:${process.env.PATH}`, DATABASE_URL: url }
      return run('bash', ['-c', line], { cwd: place, env })
    }

    await paste(dump, source)
    await paste(isWhole, '')
    const whole = await readFile(path.join(place, 'ledger.sql.gz'))
    const cut = gunzipSync(whole)
      .toString()
      .replace(/\n--\n-- PostgreSQL database dump complete[\s\S]*/, '\n')
    await writeFile(path.join(place, 'ledger.sql.gz'), gzipSync(cut))
    await expect(paste(isWhole, '')).rejects.toThrow('grep')
    await writeFile(path.join(place, 'ledger.sql.gz'), whole)
    await paste(load, empty)
    expect(await contents(empty)).toEqual(before)
    await expect(paste(load, begun)).rejects.toThrow('already exists')
    expect(await contents(begun)).toEqual(new_)
  },
)

const operating = path.join(import.meta.dirname, '../../docs/operating.md')

/** What docs/operating.md tells to run with PostgreSQL's own tools. */
function linesOf(text: string): string[] {
  return [...text.matchAll(/`((?:pg_dump|gunzip) [^`]*)`/g)].map(([, line = '']) => line)
}
