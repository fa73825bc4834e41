import { afterAll, beforeAll } from 'vitest'
import type { PanelAdmin, PanelUser } from '../../src/panel/panel.ts'
import { type AccountView, findOpenAccount } from '../../src/store/accounts/queries.ts'
import type { DueScan } from '../../src/store/collecting/scans.ts'
import { type Database, openDatabase } from '../../src/store/connection/database.ts'
import { createTestDatabase, type TestDatabase } from './database.ts'

export { inconsistentAccounts } from './stored-sums.ts'

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
    usedTraffic: lifetime,
    dataLimit: null,
    expire: null,
    owner: admin('ada'),
    toldAt: null,
    ...over,
  }
}

/** The open account of an admin that must have one. */
export async function accountOf(db: Database, username: string): Promise<AccountView> {
  const account = await findOpenAccount(db, username)
  if (!account) throw new Error(`no account of ${username}`)
  return account
}

/** The next scan of an admin, as the collector would make it. */
export async function dueScanOf(
  db: Database,
  { id: adminId, username }: { id: bigint; username: string },
): Promise<DueScan> {
  const { complete: wasComplete } = await db
    .selectFrom('scans')
    .select('complete')
    .where('admin_id', '=', adminId)
    .executeTakeFirstOrThrow()
  return { adminId, username, panelReading: null, usersTotal: null, wasComplete }
}
