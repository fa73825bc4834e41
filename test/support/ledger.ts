import { sql } from 'kysely'
import { afterAll, beforeAll } from 'vitest'
import type { PanelAdmin, PanelUser } from '../../src/panel/types.ts'
import { type AccountRow, findOpenAccount } from '../../src/store/account-list.ts'
import { type Database, openDatabase } from '../../src/store/database.ts'
import { createTestDatabase, type TestDatabase } from './database.ts'

/** A migrated database for the test file that calls this, opened before its tests and dropped after them. */
export function useLedger(): { db: Database; url: string } {
  const ledger = {} as { db: Database; url: string }
  let database: TestDatabase
  beforeAll(async () => {
    database = await createTestDatabase()
    ledger.url = database.url
    ledger.db = openDatabase({ url: database.url })
  })
  afterAll(async () => {
    await ledger.db.destroy()
    await database.drop()
  })
  return ledger
}

export function admin(username: string, usersUsage: bigint | null = null): PanelAdmin {
  return { username, isSudo: false, usersUsage }
}

export function user(username: string, lifetime: bigint, over: Partial<PanelUser> = {}): PanelUser {
  return {
    username,
    createdAt: '2026-01-01 10:00:00.000001',
    status: 'active',
    lifetimeUsedTraffic: lifetime,
    dataLimit: null,
    expire: null,
    owner: admin('ada'),
    ...over,
  }
}

/** The open account of an admin that must have one. */
export async function accountOf(db: Database, username: string): Promise<AccountRow> {
  const account = await findOpenAccount(db, username)
  if (!account) throw new Error(`no account of ${username}`)
  return account
}

/** What has to be true of the stored sums, whatever has happened: returns the accounts of which it is not. */
export async function inconsistentAccounts(db: Database): Promise<unknown[]> {
  const { rows } = await sql`
    select account.admin_id
    from cumulative_traffic as account
    left join lateral (
      select coalesce(sum(counted), 0) as counted,
        coalesce(sum(counted) filter (where ended_at is not null), 0) as preserved,
        count(*) filter (where ended_at is null) as open,
        count(*) filter (where ended_by in ('panel', 'service')) as deleted
      from tenures where tenures.admin_id = account.admin_id
    ) as tenures on true
    left join lateral (
      select coalesce(sum(bytes), 0) as bytes from traffic_hourly where traffic_hourly.admin_id = account.admin_id
    ) as hours on true
    left join lateral (
      select coalesce(sum(users) filter (where status <> 'deleted'), 0) as open,
        coalesce(sum(users) filter (where status = 'deleted'), 0) as deleted
      from account_users where account_users.admin_id = account.admin_id
    ) as kept on true
    where account.users_counted <> tenures.counted
      or account.preserved_counted <> tenures.preserved
      or account.opening_balance + hours.bytes <> account.total_traffic_consumed
      or kept.open <> tenures.open
      or kept.deleted <> tenures.deleted`.execute(db)
  return rows
}
