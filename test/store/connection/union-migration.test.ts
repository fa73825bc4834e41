import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { down as undo, up } from '../../../db/migrations/0008-union.ts'
import { type Database, openDatabase } from '../../../src/store/connection/database.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { inconsistentAccounts } from '../../support/stored-sums.ts'

/** Filled by the version before, through a stand-in panel: deletions seen and unseen, a move, a reset counter, an old panel's past. */
const fixture = path.join(import.meta.dirname, 'fixtures/before-union.sql')
let database: TestDatabase
let db: Database

beforeAll(async () => {
  database = await createTestDatabase()
  db = openDatabase({ url: database.url })
})
afterAll(async () => {
  await db.destroy()
  await database.drop()
})

const figures = async () => {
  const { rows } = await sql`
    select admin_id, total_traffic_consumed, users_counted, preserved_counted, panel_counted, panel_offset, opening_balance
    from cumulative_traffic order by admin_id`.execute(db)
  return rows
}
const counted = async () => (await sql`select id, reading, counted from tenures order by id`.execute(db)).rows

test('changes no total and no user, in a database that the version before has filled, and can be undone', async () => {
  const steps = db as unknown as Parameters<typeof up>[0]
  await undo(steps)
  for (const statement of (await readFile(fixture, 'utf8')).split(/;\n/)) {
    if (statement.trim() !== '') await sql.raw(statement).execute(db)
  }
  const [accounts, users] = [await figures(), await counted()]
  expect(accounts).toHaveLength(3)

  await up(steps)
  expect([await figures(), await counted()]).toEqual([accounts, users])
  expect(await inconsistentAccounts(db)).toEqual([])
  const { rows } = await sql`
    select distinct users_offset, scanned, scanned_reading from cumulative_traffic`.execute(db)
  expect(rows).toEqual([{ users_offset: 0n, scanned: 0n, scanned_reading: null }])

  await undo(steps)
  expect([await figures(), await counted()]).toEqual([accounts, users])
  await up(steps)
})
