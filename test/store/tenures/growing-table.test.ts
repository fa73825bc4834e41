import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import { lockingAccountsOf } from '../../../src/store/accounts/accounts.ts'
import { drawAsked } from '../../../src/store/connection/logical-clock.ts'
import { carryOut } from '../../../src/store/connection/together.ts'
import { transact } from '../../../src/store/connection/transact.ts'
import { findUnchanged } from '../../../src/store/tenures/seen-tenures.ts'
import { lockingOpenTenures } from '../../../src/store/tenures/tenures.ts'
import { observeUsers } from '../../../src/work/observing/observe-users.ts'
import { admin, useLedger, user } from '../../support/ledger.ts'

const owner = admin('ada')
const many = 50_000

describe.each([
  { when: 'PostgreSQL knew that the whole table was one page', isAnalyzed: true },
  { when: 'PostgreSQL knew nothing of the table', isAnalyzed: false },
])('when $when,', ({ isAnalyzed }) => {
  const ledger = useLedger()

  /** Observes a page of users: new ones, changed ones, and ones that have not changed. */
  async function observe(lifetime: bigint): Promise<void> {
    const page = Array.from({ length: 10 }, (_, index) => user(`u${index}`, lifetime, { owner }))
    const { tick } = await drawAsked(ledger.db)
    await findUnchanged(
      ledger.db,
      1n,
      tick,
      page.map((seen) => ({ ...seen, lifetime })),
    )
    await observeUsers(ledger.db, await drawAsked(ledger.db), page)
    // As a deletion does.
    await transact(ledger.db, async (tx) => {
      await carryOut(tx, lockingOpenTenures('u0'))
      await carryOut(tx, lockingAccountsOf(['u0']))
    })
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

  test('plans that connections have kept since then still find users by their keys', async () => {
    await observe(0n)
    if (isAnalyzed) await sql`analyze tenures`.execute(ledger.db)
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
})
