import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { ledgerTables } from '../../scripts/ledger-tables.ts'
import { restoreBackup } from '../../scripts/restore-backup.ts'
import { writeBackup } from '../../scripts/write-backup.ts'
import { type Database, openDatabase } from '../../src/store/connection/database.ts'
import { isMigrated } from '../../src/store/connection/migrate.ts'
import type { TestService } from '../http/service.ts'
import { makeDataDir, start } from '../postgres/support.ts'
import { contentsOf, empty } from '../support/contents.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { emptyDatabase } from '../support/empty-database.ts'
import { inconsistentAccounts } from '../support/ledger.ts'
import { startLivedIn } from '../support/lived-in.ts'
import { keepOpen, untilWaiting } from '../support/locks.ts'
import { runHere } from './run-here.ts'

let service: TestService
let place = ''
/** A backup of the service's database. */
let file = ''

beforeAll(async () => {
  service = await startLivedIn()
  place = await mkdtemp(path.join(tmpdir(), 'ledger-backup-'))
  file = path.join(place, 'ledger.backup')
  await writeBackup(service.db, file)
})
afterAll(async () => {
  await service.close()
  await rm(place, { recursive: true })
})

const run = (script: 'backup.ts' | 'restore.ts', args: string[], environment: Record<string, string>) =>
  runHere(script, args, { DATABASE_URL: '', DATA_DIR: '', ...environment })

/** What the next reading, account and receipt get. */
async function nextNumbers(db: Database): Promise<unknown> {
  const { rows } = await sql`
    select sequencename, last_value from pg_sequences where schemaname = current_schema() order by 1`.execute(
    db,
  )
  return rows
}

test('from the embedded database to a server and back, nothing is lost', async () => {
  const [first, second] = [await makeDataDir(), await makeDataDir()]
  const server = await emptyDatabase()
  const before = await contentsOf(service.db)
  expect(before.tenures?.length).toBeGreaterThanOrEqual(15)
  const copies = [1, 2, 3].map((number) => path.join(place, `copy-${number}.backup`))
  const [one = '', two = '', three = ''] = copies

  expect(await run('restore.ts', [file], { DATA_DIR: first })).toMatchObject({ code: 0, stderr: '' })
  expect(await run('backup.ts', [one], { DATA_DIR: first })).toMatchObject({ code: 0, stderr: '' })
  expect(await run('restore.ts', [one], { DATABASE_URL: server.url })).toMatchObject({ code: 0, stderr: '' })
  expect(await contentsOf(server.db)).toEqual(before)
  expect(await nextNumbers(server.db)).toEqual(await nextNumbers(service.db))
  expect(await inconsistentAccounts(server.db)).toEqual([])
  expect(await isMigrated(server.db)).toBe(true)

  expect(await run('backup.ts', [two], { DATABASE_URL: server.url })).toMatchObject({ code: 0 })
  expect(await run('restore.ts', [two], { DATA_DIR: second })).toMatchObject({ code: 0 })
  // While its service runs.
  const embedded = await start(second)
  expect(await run('backup.ts', [three], { DATA_DIR: second })).toMatchObject({ code: 0 })
  const db = openDatabase({ url: embedded.url })
  expect(await contentsOf(db)).toEqual(before)
  await db.destroy()
  const bodies = await Promise.all(copies.map(async (copy) => rowsIn(await readFile(copy))))
  expect(new Set(bodies).size).toBe(1)
})

/** All but the head, which has a time. */
function rowsIn(backup: Buffer): string {
  const text = gunzipSync(backup).toString()
  return text.slice(text.indexOf('\n'))
}

test('a backup shows one moment, while the service counts', async () => {
  const { db, url } = await emptyDatabase()
  const copy = path.join(place, 'busy.backup')
  let isDone = false
  const counting = (async () => {
    for (let round = 0; !isDone; round += 1) {
      service.panel.state.accrue('ada_3', 2n ** 40n)
      service.panel.state.createUser(`busy_${round}`, { admin: 'cyd', lifetime: 3n })
      await service.poll()
      await service.scan()
    }
  })()
  await writeBackup(service.db, copy)
  isDone = true
  await counting
  expect(await run('restore.ts', [copy], { DATABASE_URL: url })).toMatchObject({ code: 0 })
  expect(await inconsistentAccounts(db)).toEqual([])
})

test.each([
  [[], 'goes on with them'],
  [['--cancel-deletions'], 'They are cancelled.'],
])('a restore with %j names the deletions that were under way', async (options, said) => {
  const { url } = await emptyDatabase()
  const { code, stdout } = await run('restore.ts', [file, ...options], { DATABASE_URL: url })
  // The receipt of `cyd_2` and `cyd_3`, which nobody has carried out.
  expect([code, stdout]).toEqual([0, expect.stringMatching(/time of the backup: \d+\. /)])
  expect(stdout).toContain(said)
})

test('a migration that writes a table anew meanwhile takes no row out of a backup', async () => {
  const { db } = await emptyDatabase()
  await restoreBackup(db, file)
  const copy = path.join(place, 'migrated.backup')
  // The backup has begun, and waits for one of its first tables.
  const migration = await keepOpen(db, (tx) =>
    sql`lock table account_users in access exclusive mode`.execute(tx),
  )
  const backup = writeBackup(db, copy)
  await untilWaiting(db, 1)
  const rewriting = sql`alter table tenures alter column status type varchar using status || ''`.execute(db)
  await Promise.race([rewriting, untilWaiting(db, 2)])
  await migration.commit()
  await Promise.all([backup, rewriting])
  expect(rowsIn(await readFile(copy))).toBe(rowsIn(await readFile(file)))
})

test('its file is for its owner only, never replaces another one, and is whole or not there', async () => {
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  await expect(writeBackup(service.db, file)).rejects.toMatchObject({
    code: 'config_invalid',
    message: expect.stringContaining('exists'),
  })
  await expect(writeBackup(service.db, path.join(place, 'none/ledger.backup'))).rejects.toMatchObject({
    code: 'config_invalid',
    message: expect.stringContaining('cannot be written (ENOENT)'),
  })
  expect((await readdir(place)).filter((name) => name.endsWith('.part'))).toEqual([])
})

test('of two backups to one name at the same moment, one is refused, and the file of the other stays', async () => {
  const both = path.join(place, 'both.backup')
  const ends = await Promise.allSettled([writeBackup(service.db, both), writeBackup(service.db, both)])
  expect(ends.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  expect(ends.find(({ status }) => status === 'rejected')).toMatchObject({
    reason: { code: 'config_invalid', message: expect.stringContaining('exists') },
  })
  expect((await readdir(place)).filter((name) => name.endsWith('.part'))).toEqual([])
  const { db } = await emptyDatabase()
  expect(await restoreBackup(db, both)).toBeGreaterThan(0)
})

describe('what cannot be restored leaves the database empty, and says why', () => {
  const damaged: [string, (whole: Buffer) => Buffer, string][] = [
    ['a file that was cut off', (whole) => whole.subarray(0, -100), 'not whole'],
    [
      'a changed file',
      (whole) => Buffer.concat([whole.subarray(0, 400), Buffer.alloc(9), whole.subarray(409)]),
      'not whole',
    ],
    [
      'a file without its end',
      (whole) => again(whole, (text) => text.slice(0, text.lastIndexOf('\n', text.length - 2) + 1)),
      'not whole',
    ],
    ['a row too few', (whole) => again(whole, (text) => text.replace(/\n\[.*\n/, '\n')), 'not whole'],
    ['a file of something else', () => gzipSync('{"some": "json"}\n'), 'no backup'],
    ['an empty file', () => Buffer.alloc(0), 'not whole'],
    ['no gzip', () => Buffer.from('-- PostgreSQL database dump\n'), 'not whole'],
    [
      'the backup of a later version',
      (whole) => again(whole, (text) => text.replace(/"(\d{4}-[a-z-]+)"\]/, '"$1","9999-later"]')),
      'later version',
    ],
    [
      'a row that the schema refuses',
      (whole) =>
        again(whole, (text) => text.replace('"total_traffic_consumed":', '"total_traffic_consumed":-')),
      'refuses a row',
    ],
  ]

  let database: TestDatabase
  let db: Database
  beforeAll(async () => {
    database = await createTestDatabase()
    db = openDatabase({ url: database.url })
    await empty(db)
  })
  afterAll(async () => {
    await db.destroy()
    await database.drop()
  })

  test.each(damaged)('%s', async (name, damage, said) => {
    const bad = path.join(place, `${name.replaceAll(' ', '-')}.backup`)
    await writeFile(bad, damage(await readFile(file)))
    await expect(restoreBackup(db, bad)).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining(said),
    })
    expect(await ledgerTables(db)).toEqual([])
  })

  test('a database that is not empty keeps what it has', async () => {
    const { db, url } = await emptyDatabase()
    await restoreBackup(db, file)
    const before = await contentsOf(db)
    const { code, stderr } = await run('restore.ts', [file], { DATABASE_URL: url })
    expect([code, stderr]).toEqual([1, expect.stringContaining('not empty')])
    expect(await contentsOf(db)).toEqual(before)
  })

  test.each([
    ['does not answer', 'postgres://me:the-password@127.0.0.1:1/ledger', 'Check DATABASE_URL'],
    ['has an unknown host', 'postgres://me:the-password@nowhere.invalid/ledger', 'nowhere.invalid'],
  ])('into a server that %s', async (_, DATABASE_URL, said) => {
    const { code, stderr } = await run('restore.ts', [file], { DATABASE_URL })
    expect([code, stderr]).toEqual([1, expect.stringContaining(said)])
    expect(stderr).not.toContain('the-password')
  })

  test('into a database of an encoding that the service refuses', async () => {
    const latin = new URL(database.url)
    latin.pathname = '/restored_latin'
    await sql`create database restored_latin encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' template template0`.execute(
      db,
    )
    onTestFinished(async () => {
      await sql`drop database restored_latin`.execute(db)
    })
    const { code, stderr } = await run('restore.ts', [file], { DATABASE_URL: latin.href })
    expect([code, stderr]).toEqual([1, expect.stringContaining('has the encoding LATIN1')])
  })

  test('a data directory that a service uses', async () => {
    const dataDir = await makeDataDir()
    await start(dataDir)
    const { code, stderr } = await run('restore.ts', [file], { DATA_DIR: dataDir })
    expect([code, stderr]).toEqual([1, expect.stringContaining('Another running service uses DATA_DIR')])
  })

  test.each(['backup.ts', 'restore.ts'] as const)('%s without a file, or with two', async (script) => {
    const ended = await run(script, script === 'backup.ts' ? [] : ['a', 'b'], {})
    expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining('Name one file') })
  })
})

function again(whole: Buffer, change: (text: string) => string): Buffer {
  return gzipSync(change(gunzipSync(whole).toString()))
}
