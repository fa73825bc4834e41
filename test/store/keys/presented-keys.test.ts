import { type CompiledQuery, sql } from 'kysely'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { listAudit } from '../../../src/store/audit/audit.ts'
import { type Database, openDatabase } from '../../../src/store/connection/database.ts'
import { listKeys } from '../../../src/store/keys/api-keys.ts'
import { findPresentedKeys, noteKeysUsed } from '../../../src/store/keys/presented-keys.ts'
import { readingOf } from '../../plans/plan.ts'
import { useLedger } from '../../support/ledger.ts'

const ledger = useLedger()
let db: Database
let client: pg.Client
let statements: CompiledQuery[] = []

beforeAll(async () => {
  await sql`
    insert into admins (username, is_sudo, answered) select 'admin' || n, false, 0 from generate_series(1, 500) as n`.execute(
    ledger.db,
  )
  await sql`
    insert into api_keys (name, role, access, admin_id, secret_hash, created_by)
    select 'key', 'admin', 'read', n % 500 + 1, decode(repeat('00', 32), 'hex'), 'api_key'
    from generate_series(1, 20000) as n`.execute(ledger.db)
  await sql`
    insert into audit (caller, action, admin_id) select 'api_key', 'limit.set', n % 500 + 1
    from generate_series(1, 20000) as n`.execute(ledger.db)
  await sql`analyze`.execute(ledger.db)
  db = openDatabase({ url: ledger.url, onStatement: (statement) => void statements.push(statement) })
  client = new pg.Client({ connectionString: ledger.url })
  await client.connect()
})
afterAll(async () => {
  await client.end()
  await db.destroy()
})

test.each<[string, () => Promise<unknown>, number]>([
  ['a key that somebody shows', () => findPresentedKeys(db, [12_345n]), 2],
  ['keys that a hundred show at the same moment', () => findPresentedKeys(db, hundred), 200],
  ['a use to be noted', () => noteKeysUsed(db, [12_345n]), 3],
  ['the keys of an account', () => listKeys(db, { adminId: 77n, before: null, limit: 50 }), 100],
  ['the trail of an account', () => listAudit(db, { adminId: 77n, before: null, limit: 50 }), 100],
])('%s is found by an index, with one statement, among many', async (_what, read, most) => {
  statements = []
  await read()
  expect(statements).toHaveLength(1)
  const [statement] = statements
  if (!statement) throw new Error('no statement')
  const reading = await readingOf(client, statement, ['api_keys', 'audit'])
  expect(reading.walked).toEqual([])
  // The use that was noted is not due any more.
  expect(reading.removed).toBeLessThanOrEqual(1)
  expect(reading.rows).toBeLessThanOrEqual(most)
})

const hundred = Array.from({ length: 100 }, (_, n) => BigInt(n * 150 + 1))
