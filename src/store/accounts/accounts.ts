import { type Selectable, sql } from 'kysely'
import type { Account } from '../../ledger/account.ts'
import type { Database, Tx } from '../connection/database.ts'
import { toFall } from '../connection/fall.ts'
import { anyGiven, given } from '../connection/given.ts'
import { keysOf } from '../connection/name-key.ts'
import { isOpenTenure } from '../connection/open-tenure.ts'
import { carryOut, prepared, type Statement, statement } from '../connection/together.ts'
import type { CumulativeTrafficTable } from '../tables.ts'

export type StoredAccount = Account & {
  adminId: bigint
  /** The tick at which the last accepted `users_usage` was asked for. */
  panelAsked: bigint
  /** Its limit has to be judged again at this total; null: at none. */
  judgeTotal: bigint | null
  /** Or at this time, for the same reason; null: at none. */
  judgeTime: Date | null
}

/** One account before and after; `readAt`: when the panel was asked, if the reading shows how recent the total is. */
export type AccountChange = { before: StoredAccount; after: StoredAccount; readAt: Date | null }

/** What {@link toAccount} needs. */
const columns = sql.raw(
  'admin_id, total_traffic_consumed, users_counted, preserved_counted, panel_counted, panel_reading, panel_answered, ' +
    'panel_asked, panel_fell_from, panel_fell_to, panel_offset, users_offset, scanned, scanned_reading, snapshot, ' +
    'snapshot_at, opening_balance, opened_at, judge_total, judge_time, scan_ended, scan_seen_at',
)
type AccountRow = Omit<Selectable<CumulativeTrafficTable>, 'last_updated' | 'read_at'>

/** Locks the accounts of `adminIds` and reads them. Rows are locked in the order of their ids. */
export async function lockAccounts(tx: Tx, adminIds: Iterable<bigint>): Promise<Map<bigint, StoredAccount>> {
  const ids = [...adminIds]
  if (ids.length === 0) return new Map()
  const query = sql<AccountRow>`
    select ${columns} from cumulative_traffic where admin_id = ${anyGiven('bigint', ids)}
    order by admin_id for no key update`
  return carryOut(tx, prepared(statement(query, byId)))
}

/**
 * {@link lockAccounts}, when the transaction has `locked` some of them already. The others must have been opened since, by it or
 * by others: their ids are larger, so the order stays; and no scan of them has ended yet that a tick drawn before could escape.
 */
export async function lockOpened(
  tx: Tx,
  locked: ReadonlyMap<bigint, StoredAccount>,
  adminIds: Iterable<bigint>,
): Promise<Map<bigint, StoredAccount>> {
  const opened = [...adminIds].filter((id) => !locked.has(id))
  return new Map([...locked, ...(await lockAccounts(tx, opened))])
}

/**
 * Locks and reads the accounts of `owners`, and those that the open tenures of `usernames` belong to, in the order of their
 * ids. The transaction has locked those tenures before: they stay as they are.
 */
export function lockingAccountsOf(
  usernames: readonly string[],
  owners: readonly string[] = [],
): Statement<Map<bigint, StoredAccount>> {
  const query = sql<AccountRow>`
    select ${columns} from cumulative_traffic
    where admin_id = any(array(
      select id from admins where name_key(username) = ${keysOf(owners)} and closed_at is null
      union
      select open.admin_id from unnest(${given('text', usernames)}) as seen (username)
      cross join lateral (
        select admin_id from tenures where name_key(username) = name_key(seen.username) and ${isOpenTenure}
        offset 0) as open))
    order by admin_id for no key update`
  return prepared(statement(query, byId))
}

function byId(rows: readonly AccountRow[]): Map<bigint, StoredAccount> {
  return new Map(rows.map((row) => [row.admin_id, toAccount(row)]))
}

function toAccount(row: AccountRow): StoredAccount {
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
    scanEnded: row.scan_ended,
    scanSeenAt: row.scan_seen_at?.getTime() ?? null,
    scannedReading: row.scanned_reading,
    snapshot:
      row.snapshot === null || row.snapshot_at === null
        ? null
        : { value: row.snapshot, at: row.snapshot_at.getTime() },
    openingBalance: row.opening_balance,
    opened: row.opened_at !== null,
    judgeTotal: row.judge_total,
    judgeTime: row.judge_time,
  }
}

/** What is known of an admin's counter in the panel, without waiting for transactions that change the account. */
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
