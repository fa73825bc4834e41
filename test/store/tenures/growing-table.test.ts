import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { drawAsked } from '../../../src/store/connection/logical-clock.ts'
import { observeUsers } from '../../../src/work/observing/observe-users.ts'
import { admin, useLedger, user } from '../../support/ledger.ts'

const ledger = useLedger()
const owner = admin('ada')
const many = 50_000

/** Observes the first users of a page: new ones, changed ones, and ones that have not changed. */
async function observe(lifetime: bigint): Promise<void> {
  const page = Array.from({ length: 10 }, (_, index) => user(`u${index}`, lifetime, { owner }))
  await observeUsers(ledger.db, await drawAsked(ledger.db), page)
}

/** Rows of tenures that were read from end to end of the table, and those found by an index. */
async function readRows(): Promise<{ walked: number; found: number }> {
  await sql`select pg_stat_force_next_flush()`.execute(ledger.db)
  const { rows } = await sql<{ walked: bigint; found: bigint }>`
    select seq_tup_read as walked, idx_tup_fetch as found from pg_stat_user_tables where relname = 'tenures'`.execute(
    ledger.db,
  )
  return { walked: Number(rows[0]?.walked), found: Number(rows[0]?.found) }
}

test('plans that connections have kept since the table was small still find users by their keys', async () => {
  await observe(0n)
  // Now PostgreSQL knows that the whole table is one page.
  await sql`analyze tenures`.execute(ledger.db)
  // As often as PostgreSQL plans a prepared statement anew before it keeps a plan.
  for (let times = 1n; times <= 8n; times += 1n) await observe(times / 2n)
  await sql`
    insert into tenures (username, created_at, admin_id, reading, counted, answered, status)
    select 'x' || n, timestamp '2024-01-01', (select min(id) from admins), 0, 0, 0, 'active'
    from generate_series(1, ${many}) as n`.execute(ledger.db)
  const before = await readRows()
  await observe(9n)
  await observe(9n)
  const after = await readRows()
  expect(after.walked - before.walked).toBe(0)
  expect(after.found - before.found).toBeGreaterThan(0)
  expect(after.found - before.found).toBeLessThan(500)
})
