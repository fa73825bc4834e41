import { type Nullable, type RawBuilder, type Selectable, sql } from 'kysely'
import { asScanSaw, type LastScan } from '../../ledger/scan-sight.ts'
import type { Tenure, UserKey } from '../../ledger/tenure.ts'
import type { Database, Tx } from '../connection/database.ts'
import { toFall } from '../connection/fall.ts'
import { givenTable } from '../connection/given.ts'
import { keyOf } from '../connection/name-key.ts'
import { isOpenTenure } from '../connection/open-tenure.ts'
import { prepared, type Statement, statement } from '../connection/together.ts'
import type { CumulativeTrafficTable, TenuresTable } from '../tables.ts'

export type StoredTenure = Tenure & {
  id: bigint
  /** The tick at which the last accepted reading was asked for. */
  asked: bigint
}

/** What {@link toTenure} needs. */
const columns = sql.raw(
  'id, username, created_at, admin_id, reading, counted, answered, status, data_limit, expire, ended_by, reset_pending, ' +
    'former_created_at, seen_at, fell_from, fell_to, asked',
)
type TenureRow = Omit<Selectable<TenuresTable>, 'ended_at'>
type LastScanRow = Pick<Selectable<CumulativeTrafficTable>, 'scanned' | 'scan_ended' | 'scan_seen_at'>

/** Of how many tenures of a name a reading is compared with: enough to know that there were several, however many there were. */
const lastOnes = 8
/** Tenures of one name that are read to tell its users apart: a name is used again and again by some resellers. */
const tenuresOfNameAtMost = 100

const seenUsers = givenTable<UserKey>('seen', {
  username: ['text', ({ username }) => username],
  created_at: ['timestamp', ({ createdAt }) => createdAt],
})

/**
 * Locks and reads what {@link judgeUser} needs to know of each user: its own tenures, those it may have had before its
 * panel lost the fractions of seconds or changed its time of creation, the open tenure of any other user of its name, and
 * those of the name that were seen last.
 * Rows are locked in the order of their ids. What the last complete scan of an account saw of them is the account's to say
 * (see `asScanSaw`).
 */
export function lockingTenures(users: readonly UserKey[]): Statement<StoredTenure[]> {
  // One index look-up for each user, whatever the planner believes of the table's size.
  const query = sql<TenureRow>`
    select ${columns} from tenures
    where id = any(array(
      select known.id
      from ${seenUsers(users)}
      cross join lateral (
        select id from tenures
        where name_key(username) = name_key(seen.username) and (
          created_at = seen.created_at or ended_at is null
          or (seen.created_at = date_trunc('second', seen.created_at)
            and created_at >= seen.created_at - interval '0.5 seconds'
            and created_at < seen.created_at + interval '1 second')
          or id = any(array(
            select id from tenures as last where name_key(last.username) = name_key(seen.username)
            order by seen_at desc nulls last, id desc limit ${lastOnes})))
        offset 0
      ) as known
    ))
    order by id for no key update`
  return prepared(statement(query, (rows) => rows.map(toTenure)))
}

/** The tenures of a name, the latest at most: what tells which user the panel shows under it. */
export async function listTenuresOf(db: Database, username: string): Promise<StoredTenure[]> {
  const rows = await db
    .selectFrom('tenures')
    .leftJoin('cumulative_traffic as account', 'account.admin_id', 'tenures.admin_id')
    .selectAll('tenures')
    .select(['scanned', 'scan_ended', 'scan_seen_at'])
    .where(sql`name_key(username)`, '=', keyOf(username))
    .orderBy(sql`(ended_at is null)`, 'desc')
    .orderBy('id', 'desc')
    .limit(tenuresOfNameAtMost)
    .execute()
  return rows.map((row) => asScanSaw(toTenure(row), toLastScan(row)))
}

function toLastScan(row: Nullable<LastScanRow>): LastScan | undefined {
  if (row.scanned === null || row.scan_ended === null) return undefined
  const { scanned, scan_ended: scanEnded, scan_seen_at: seenAt } = row
  return { scanned, scanEnded, scanSeenAt: seenAt?.getTime() ?? null }
}

/** Locks and reads the open tenures of a name, in the order of their ids; see `asScanSaw`. */
export function lockingOpenTenures(username: string): Statement<StoredTenure[]> {
  const query = sql<TenureRow>`
    select ${columns} from tenures where name_key(username) = ${keyOf(username)} and ${isOpenTenure}
    order by id for no key update`
  return prepared(statement(query, (rows) => rows.map(toTenure)))
}

/** Open tenures that were read between two ticks, of one account or of all. */
export type ReadBetween = { adminId: bigint | null; since: bigint; asked: bigint }

/** Locks these tenures in the order of their ids, and says which accounts they belong to. */
export async function lockReadBetween(tx: Tx, read: ReadBetween): Promise<bigint[]> {
  const { rows } = await sql<{ admin_id: bigint }>`
    select distinct admin_id from (
      select admin_id from tenures where ${isReadBetween(read)} order by id for no key update
    ) as locked where admin_id is not null`.execute(tx)
  return rows.map((row) => row.admin_id)
}

/**
 * Notes of these tenures that the panel says it has set their counters back since the last reading. Only of those that were read
 * after `since` and before tick `asked`, when the panel was asked to: how far the others had come is unknown. The reading stays,
 * for comparison with the next one. A reading asked for before the panel's answer is dropped from now on: it can be older than
 * the reset.
 *
 * @param answered drawn with the tenures and their accounts locked.
 */
export async function markReset(tx: Tx, read: ReadBetween, answered: bigint): Promise<void> {
  await sql`
    update tenures set reset_pending = true, answered = ${answered} where ${isReadBetween(read)}`.execute(tx)
}

function isReadBetween({ adminId, since, asked }: ReadBetween): RawBuilder<boolean> {
  return sql<boolean>`
    ended_at is null and answered > ${since} and answered < ${asked}
      and (${adminId}::bigint is null or admin_id = ${adminId})`
}

export function toTenure(row: TenureRow): StoredTenure {
  return {
    id: row.id,
    username: row.username,
    createdAt: row.created_at,
    adminId: row.admin_id,
    reading: row.reading,
    counted: row.counted,
    answered: row.answered,
    status: row.status,
    dataLimit: row.data_limit,
    expire: row.expire,
    endedBy: row.ended_by,
    resetPending: row.reset_pending,
    formerCreatedAt: row.former_created_at,
    seenAt: row.seen_at?.getTime() ?? null,
    fall: toFall(row.fell_from, row.fell_to),
    asked: row.asked,
  }
}
