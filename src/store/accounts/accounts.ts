import { type Selectable, sql } from 'kysely'
import type { Account } from '../../ledger/account.ts'
import type { Database, Tx } from '../connection/database.ts'
import { toFall } from '../connection/fall.ts'
import type { CumulativeTrafficTable } from '../tables.ts'

export type StoredAccount = Account & {
  adminId: bigint
  /** The tick at which the last accepted `users_usage` was asked for. */
  panelAsked: bigint
}

/** Locks the accounts of `adminIds` and reads them. Rows are locked in the order of their ids. */
export async function lockAccounts(tx: Tx, adminIds: Iterable<bigint>): Promise<Map<bigint, StoredAccount>> {
  const ids = [...adminIds]
  if (ids.length === 0) return new Map()
  const rows = await tx
    .selectFrom('cumulative_traffic')
    .selectAll()
    .where('admin_id', '=', sql<bigint>`any(${ids})`)
    .orderBy('admin_id')
    .forNoKeyUpdate()
    .execute()
  return new Map(rows.map((row) => [row.admin_id, toAccount(row)]))
}

function toAccount(row: Selectable<CumulativeTrafficTable>): StoredAccount {
  return {
    adminId: row.admin_id,
    total: row.total_traffic_consumed,
    usersCounted: row.users_counted,
    preserved: row.preserved_counted,
    panelCounted: row.panel_counted,
    panelReading: row.panel_reading,
    panelAnswered: row.panel_answered,
    panelAsked: row.panel_asked,
    panelFall: toFall(row.panel_fell_from, row.panel_fell_to),
    panelOffset: row.panel_offset,
    usersOffset: row.users_offset,
    scanned: row.scanned,
    scannedReading: row.scanned_reading,
    snapshot:
      row.snapshot === null || row.snapshot_at === null
        ? null
        : { value: row.snapshot, at: row.snapshot_at.getTime() },
    openingBalance: row.opening_balance,
    opened: row.opened_at !== null,
  }
}

/** What is known of an admin's counter in the panel, without waiting for anybody who changes the account. */
export async function readPanelWitness(
  db: Database,
  adminId: bigint,
): Promise<Pick<Account, 'panelCounted' | 'panelReading'>> {
  return db
    .selectFrom('cumulative_traffic')
    .select(['panel_counted as panelCounted', 'panel_reading as panelReading'])
    .where('admin_id', '=', adminId)
    .executeTakeFirstOrThrow()
}

/** One account before and after; `readAt`: when the panel was asked, if the reading tells how recent the total is. */
export type AccountChange = { before: StoredAccount; after: StoredAccount; readAt: Date | null }

/**
 * Stores changed accounts, locked before in the same transaction, and books their growth: in the hour of `at`, or in
 * the opening balance while the account has not been scanned completely.
 */
export async function saveAccounts(tx: Tx, changes: readonly AccountChange[], at: Date): Promise<void> {
  if (changes.length === 0) return
  const after = changes.map((change) => change.after)
  await sql`
    update cumulative_traffic as account set
      total_traffic_consumed = new.total,
      last_updated = case when new.total > account.total_traffic_consumed then ${at} else account.last_updated end,
      users_counted = new.users_counted,
      preserved_counted = new.preserved,
      panel_counted = new.panel_counted,
      panel_reading = new.panel_reading,
      panel_answered = new.panel_answered,
      panel_asked = new.panel_asked,
      panel_fell_from = new.panel_fell_from,
      panel_fell_to = new.panel_fell_to,
      panel_offset = new.panel_offset,
      users_offset = new.users_offset,
      scanned = new.scanned,
      scanned_reading = new.scanned_reading,
      snapshot = new.snapshot,
      snapshot_at = new.snapshot_at,
      opening_balance = new.opening_balance,
      opened_at = case when new.opened then coalesce(account.opened_at, ${at}) end,
      read_at = greatest(account.read_at, new.read_at)
    from unnest(
      ${after.map((a) => a.adminId)}::bigint[],
      ${after.map((a) => a.total)}::bigint[],
      ${after.map((a) => a.usersCounted)}::bigint[],
      ${after.map((a) => a.preserved)}::bigint[],
      ${after.map((a) => a.panelCounted)}::bigint[],
      ${after.map((a) => a.panelReading)}::bigint[],
      ${after.map((a) => a.panelAnswered)}::bigint[],
      ${after.map((a) => a.panelAsked)}::bigint[],
      ${after.map((a) => a.panelFall?.from ?? null)}::bigint[],
      ${after.map((a) => a.panelFall?.to ?? null)}::bigint[],
      ${after.map((a) => a.panelOffset)}::bigint[],
      ${after.map((a) => a.usersOffset)}::bigint[],
      ${after.map((a) => a.scanned)}::bigint[],
      ${after.map((a) => a.scannedReading)}::bigint[],
      ${after.map((a) => a.snapshot?.value ?? null)}::bigint[],
      ${after.map((a) => (a.snapshot ? new Date(a.snapshot.at) : null))}::timestamptz[],
      ${after.map((a) => a.openingBalance)}::bigint[],
      ${after.map((a) => a.opened)}::boolean[],
      ${changes.map((c) => c.readAt)}::timestamptz[]
    ) as new (admin_id, total, users_counted, preserved, panel_counted, panel_reading, panel_answered, panel_asked,
      panel_fell_from, panel_fell_to, panel_offset, users_offset, scanned, scanned_reading, snapshot, snapshot_at,
      opening_balance, opened, read_at)
    where account.admin_id = new.admin_id`.execute(tx)
  await bookHour(tx, changes, at)
}

async function bookHour(tx: Tx, changes: readonly AccountChange[], at: Date): Promise<void> {
  const grown = changes
    .map(({ before, after }) => ({
      adminId: after.adminId,
      bytes: after.total - before.total - (after.openingBalance - before.openingBalance),
    }))
    .filter(({ bytes }) => bytes > 0n)
  if (grown.length === 0) return
  await sql`
    insert into traffic_hourly (admin_id, hour, bytes)
    select admin_id, date_trunc('hour', ${at}::timestamptz, 'UTC'), bytes
    from unnest(${grown.map((g) => g.adminId)}::bigint[], ${grown.map((g) => g.bytes)}::bigint[])
      as grown (admin_id, bytes)
    on conflict (admin_id, hour) do update set bytes = traffic_hourly.bytes + excluded.bytes`.execute(tx)
}
