import { sql } from 'kysely'
import type { Database } from '../../src/store/connection/database.ts'

export type TenureRow = {
  id: string
  username: string
  createdAt: string
  adminId: string | null
  admin: string | null
  reading: bigint
  counted: bigint
  answered: string
  isOpen: boolean
  resetPending: boolean
}

export type AccountView = {
  id: string
  admin: string
  isClosed: boolean
  total: bigint
  usersCounted: bigint
  panelCounted: bigint
  panelReading: bigint | null
  panelAnswered: string
}

/** What stands in the ledger's tables. */
export type LedgerRows = { tenures: TenureRow[]; accounts: AccountView[] }

export async function readRows(db: Database): Promise<LedgerRows> {
  const [tenures, accounts] = await Promise.all([
    sql<TenureRow>`
      select tenures.id::text, tenures.username, created_at as "createdAt", admin_id::text as "adminId",
        admins.username as admin, reading, counted, tenures.answered::text, ended_at is null as "isOpen",
        reset_pending as "resetPending"
      from tenures left join admins on admins.id = admin_id
      order by tenures.answered`.execute(db),
    sql<AccountView>`
      select admin_id::text as id, username as admin, closed_at is not null as "isClosed",
        total_traffic_consumed as total, users_counted as "usersCounted", panel_counted as "panelCounted",
        panel_reading as "panelReading", panel_answered::text as "panelAnswered"
      from cumulative_traffic join admins on admins.id = admin_id
      order by admin_id`.execute(db),
  ])
  return { tenures: tenures.rows, accounts: accounts.rows }
}
