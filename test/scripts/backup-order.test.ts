import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { restoreBackup } from '../../scripts/restore-backup.ts'
import { writeBackup } from '../../scripts/write-backup.ts'
import type { Database } from '../../src/store/connection/database.ts'
import { transact } from '../../src/store/connection/transact.ts'
import { insertBulkDeletion, markCollected } from '../../src/store/deletions/bulk-deletions.ts'
import { claimUser, releaseUser } from '../../src/store/deletions/deletion-places.ts'
import { finishDeletion } from '../../src/store/deletions/deletions.ts'
import { contentsOf } from '../support/contents.ts'
import { emptyDatabase } from '../support/empty-database.ts'
import { useLedger } from '../support/ledger.ts'

/** More than one statement of the restore writes. */
const users = 3_000
/** So many turns that the bulk deletion moves behind all its users, while old rows must be kept. */
const turns = 300

const ledger = useLedger()
let place = ''
let file = ''

beforeAll(async () => {
  place = await mkdtemp(path.join(tmpdir(), 'ledger-order-'))
  file = path.join(place, 'moved.backup')
  await moveBehindItsUsers(ledger.db)
  await writeBackup(ledger.db, file)
})
afterAll(() => rm(place, { recursive: true }))

/** Somebody reads for long, so that PostgreSQL keeps each earlier row, while users of a bulk deletion take their turns. */
async function moveBehindItsUsers(db: Database): Promise<void> {
  const usernames = Array.from({ length: users }, (_, index) => `user_${index}`)
  const bulk = await transact(db, (tx) =>
    insertBulkDeletion(tx, {
      kind: 'users',
      requestedBy: 'api_key',
      adminId: null,
      onlyAdminId: null,
      onlyStatuses: null,
      idempotencyKey: null,
      requestHash: null,
      usernames,
      refused: { usernames: [], code: '', message: '' },
    }),
  )
  await markCollected(db, bulk)
  const reader = await db.startTransaction().setIsolationLevel('repeatable read').execute()
  await sql`select count(*) from deletions`.execute(reader)
  for (let turn = 0; turn < turns; turn += 1) {
    const claimed = await transact(db, (tx) => claimUser(tx, 'here'))
    if (!claimed) throw new Error('no user is left')
    await finishDeletion(db, { id: claimed.id, kind: 'user' }, { state: 'gone' })
    await releaseUser(db, claimed.id)
  }
  await reader.commit().execute()
}

const textOf = async () => gunzipSync(await readFile(file)).toString()

/** Each foreign key, and when PostgreSQL checks it. */
async function referencesOf(db: Database): Promise<unknown[]> {
  const { rows } = await sql`
    select conname, condeferrable, condeferred, convalidated, tgdeferrable, tginitdeferred
    from pg_constraint join pg_trigger on tgconstraint = pg_constraint.oid
    where contype = 'f' and connamespace = current_schema()::regnamespace
    order by conname, tgtype, tgrelid::regclass::text`.execute(db)
  return rows
}

test('a bulk deletion that stands behind more users than one statement writes is restored', async () => {
  const receipts = (await textOf()).split('\n').filter((line) => /^\[.*"parent_id":/.test(line))
  expect(receipts.findIndex((line) => line.includes('"kind":"users"'))).toBeGreaterThan(1_000)
  const { db } = await emptyDatabase()
  await restoreBackup(db, file)
  expect(await contentsOf(db)).toEqual(await contentsOf(ledger.db))
})

test('after a restore, each reference is checked as in a new ledger', async () => {
  const { db } = await emptyDatabase()
  await restoreBackup(db, file)
  expect(await referencesOf(db)).toEqual(await referencesOf(ledger.db))
  const orphan = sql`update deletions set parent_id = 999999 where parent_id is not null`
  await expect(db.transaction().execute((tx) => orphan.execute(tx))).rejects.toThrow('parent_id_fkey')
})

test('a file whose users have no bulk deletion is refused', async () => {
  const orphans = path.join(place, 'orphans.backup')
  const text = (await textOf()).replace(/\n\[[^\n]*"kind":"users"[^\n]*\]\n/, '\n')
  const { length } = text.split('\n').filter((line) => line.startsWith('['))
  await writeFile(orphans, gzipSync(text.replace(/("kind":"end","rows":)\d+/, `$1${length}`)))
  const { db } = await emptyDatabase()
  await expect(restoreBackup(db, orphans)).rejects.toMatchObject({
    code: 'config_invalid',
    message: expect.stringMatching(/refuses a row of the backup: .*parent_id_fkey/),
  })
})
