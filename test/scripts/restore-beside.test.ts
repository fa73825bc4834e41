import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { restoreBackup } from '../../scripts/restore-backup.ts'
import { writeBackup } from '../../scripts/write-backup.ts'
import { isMigrated, migrateToLatest } from '../../src/store/connection/migrate.ts'
import { contentsOf } from '../support/contents.ts'
import { pollAndScan, useDeleting } from '../support/deleting.ts'
import { emptyDatabase } from '../support/empty-database.ts'
import { untilWaiting } from '../support/locks.ts'

const ledger = useDeleting()
let place = ''
let file = ''

beforeAll(async () => {
  place = await mkdtemp(path.join(tmpdir(), 'ledger-beside-'))
  file = path.join(place, 'ledger.backup')
})
beforeEach(async () => {
  const { state } = ledger.panel
  state.createAdmin('ada')
  state.createUser('ana', { admin: 'ada', lifetime: 7n })
  await pollAndScan(ledger)
  await rm(file, { force: true })
  await writeBackup(ledger.db, file)
})
afterAll(() => rm(place, { recursive: true }))

test('of two restores into one database, one restores and the other leaves that alone', async () => {
  const { db } = await emptyDatabase()
  const ends = await Promise.allSettled([restoreBackup(db, file), restoreBackup(db, file)])
  expect(ends.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  expect(ends.find(({ status }) => status === 'rejected')).toMatchObject({
    reason: { code: 'config_invalid', message: expect.stringContaining('not empty') },
  })
  expect(await contentsOf(db)).toEqual(await contentsOf(ledger.db))
})

/** By which Kysely migrates alone: whoever holds it stops a restore in the middle. */
const lockOfKysely = 3_853_314_791_062_309_107n

test('a restore that was killed can be started again', async () => {
  const { db, url } = await emptyDatabase()
  const tx = await db.startTransaction().execute()
  await sql`select pg_advisory_xact_lock(${lockOfKysely})`.execute(tx)
  const script = path.join(import.meta.dirname, '../../scripts/restore.ts')
  const killed = spawn(process.execPath, [script, file], {
    env: { ...process.env, DATABASE_URL: url },
    cwd: import.meta.dirname,
    stdio: 'ignore',
  })
  await untilWaiting(db, 1)
  killed.kill('SIGKILL')
  await once(killed, 'exit')
  await tx.rollback().execute()
  await restoreBackup(db, file)
  expect(await contentsOf(db)).toEqual(await contentsOf(ledger.db))
})

test('a service that starts beside a restore has the ledger of the backup or a new one, never a part', async () => {
  const { db } = await emptyDatabase()
  const [restored] = await Promise.allSettled([restoreBackup(db, file), migrateToLatest(db)])
  expect(await isMigrated(db)).toBe(true)
  const { tenures } = await contentsOf(db)
  const { tenures: backedUp } = await contentsOf(ledger.db)
  expect(tenures).toEqual(restored.status === 'fulfilled' ? backedUp : [])
})
