import { sql } from 'kysely'
import type { Database, Tx } from '../connection/database.ts'
import { type Asked, drawAnswered } from '../connection/logical-clock.ts'
import { prepared, type Statement, statement } from '../connection/together.ts'
import { transact } from '../connection/transact.ts'

/** An admin whose users are to be scanned now. `usersTotal` is what its last scan found; null: never scanned. */
export type DueScan = {
  adminId: bigint
  username: string
  panelReading: bigint | null
  usersTotal: bigint | null
  /** Whether its last scan was complete; left out: nobody looked. */
  wasComplete?: boolean
  /** Where in its list the last scan found users that make the panel fail, ascending; left out: nowhere. */
  failingAt?: readonly string[]
}

/**
 * Which scans are due, the most urgent first: never made, asked for, interrupted by a restart; then, `interval` seconds
 * after they last began, those of admins whose panel counter moved, whose panel keeps none, or that have disappeared.
 */
function dueScans(intervalSeconds: number) {
  const retrySeconds = Math.min(intervalSeconds, 60)
  return sql`
    from scans
    join admins on admins.id = scans.admin_id and admins.closed_at is null
    join cumulative_traffic as account on account.admin_id = scans.admin_id
    where started_at is null
      or requested_at is not null
      -- The database's clock has been set back.
      or started_at > clock_timestamp() + interval '1 minute'
      or (scans.error is null and (finished_at is null or finished_at < started_at))
      or (scans.error is not null and started_at < clock_timestamp() - make_interval(secs => ${retrySeconds}))
      or (started_at < clock_timestamp() - make_interval(secs => ${intervalSeconds}) and (
        account.panel_reading is null
        -- An older release of the panel than before: it keeps no counter that could move any more.
        or (select not has_admin_usage from panel_poll)
        -- The panel counts, and says odd things: it may have moved.
        or exists (select from unreadable_items as odd where odd.kind = 'admin'
          and coalesce(name_key(odd.name), '') = name_key(admins.username))
        or account.panel_reading is distinct from scans.panel_reading
        or admins.missing_since > started_at))`
}

/** The scan to make next; null when none is due. */
export async function nextDueScan(db: Database, intervalSeconds: number): Promise<DueScan | null> {
  const { rows } = await sql<DueScan>`
    select scans.admin_id as "adminId", username, account.panel_reading as "panelReading", users_total as "usersTotal",
      complete as "wasComplete", failing_at as "failingAt"
    ${dueScans(intervalSeconds)}
    order by started_at is not null, started_at, scans.admin_id limit 1`.execute(db)
  return rows[0] ?? null
}

/** How many scans are due, how many users their last scans found, how many of them were never scanned; and all open accounts. */
export async function countDueScans(
  db: Database,
  intervalSeconds: number,
): Promise<{ admins: number; users: number; unknown: number; accounts: number }> {
  const { rows } = await sql<{ admins: bigint; users: bigint; unknown: bigint; accounts: bigint }>`
    select count(*) as admins, coalesce(sum(users_total), 0)::bigint as users,
      count(*) filter (where users_total is null) as unknown,
      (select count(*) from admins where closed_at is null) as accounts
    ${dueScans(intervalSeconds)}`.execute(db)
  const [row] = rows
  return {
    admins: Number(row?.admins),
    users: Number(row?.users),
    unknown: Number(row?.unknown),
    accounts: Number(row?.accounts),
  }
}

/** How many users all scans made so far have found. */
export async function countScannedUsers(db: Database): Promise<number> {
  const { rows } = await sql<{ users: bigint }>`
    select coalesce(sum(users_total), 0)::bigint as users from scans`.execute(db)
  return Number(rows[0]?.users)
}

/**
 * Notes that a scan begins, and at which reading of the panel's counter. It answers all requests made so far.
 *
 * @returns what tells this scan from others of the admin.
 */
export async function beginScan(db: Database, adminId: bigint, panelReading: bigint | null): Promise<string> {
  const { begun } = await db
    .updateTable('scans')
    .set({
      started_at: sql`clock_timestamp()`,
      requested_at: null,
      panel_reading: panelReading,
      complete: false,
      users_done: 0n,
      error_code: null,
      error: null,
    })
    .where('admin_id', '=', adminId)
    .returning(sql<string>`extract(epoch from started_at)::text`.as('begun'))
    .executeTakeFirstOrThrow()
  return begun
}

/** Notes how many users of how many a scan has read. */
export function reportingScan(
  db: Database,
  adminId: bigint,
  users: { done: number; total: number },
): Statement<unknown> {
  const updating = db
    .updateTable('scans')
    .set({ users_done: BigInt(users.done), users_total: BigInt(users.total) })
    .where('admin_id', '=', adminId)
  return prepared(statement(updating))
}

/**
 * Notes that a scan is over, in the transaction that closes the account's opening balance, and whether it read all users. If
 * another service has begun one of the same admin meanwhile, that one is not over: it answers later requests.
 *
 * @param begun the scan; see {@link beginScan}.
 */
export async function finishScan(
  tx: Tx,
  adminId: bigint,
  begun: string,
  { users, isComplete, failingAt }: { users: number; isComplete: boolean; failingAt: readonly number[] },
): Promise<void> {
  await tx
    .updateTable('scans')
    .set({
      finished_at: sql`clock_timestamp()`,
      complete: isComplete,
      users_done: BigInt(users),
      users_total: BigInt(users),
      failing_at: failingAt.map(String),
      // If any, that of another service, which began before this scan.
      error_code: null,
      error: null,
    })
    .where('admin_id', '=', adminId)
    .where(sql`extract(epoch from started_at)`, '=', sql`${begun}::numeric`)
    .execute()
}

/** Notes why a scan did not complete; it becomes due again after a while. */
export async function failScan(
  db: Database,
  adminId: bigint,
  error: { code: string; message: string },
): Promise<void> {
  await db
    .updateTable('scans')
    .set({ error_code: error.code, error: error.message })
    .where('admin_id', '=', adminId)
    .execute()
}

/**
 * Makes the scans of all open accounts due now.
 *
 * @returns when that was.
 */
export async function requestScans(db: Database): Promise<Date> {
  return transact(db, async (tx) => {
    const { tick, at } = await drawAnswered(tx)
    // What a round has read before counts for no request after it.
    await sql`
      update scan_round set requested_at = ${at}, requested_tick = ${tick}, admins_done = 0, users_done = 0,
        (admins_total, users_total) = (
          select count(*), coalesce(sum(users_total), 0)::bigint
          from scans join admins on admins.id = scans.admin_id and closed_at is null)`.execute(tx)
    await sql`
      update scans set requested_at = ${at}
      from admins where admins.id = scans.admin_id and closed_at is null`.execute(tx)
    return at
  })
}

/**
 * Makes the scans of all accounts due now if the last poll did not show that the panel counts by admin. To be called when one
 * shows that it does: what users consumed before moves no counter any more that would make a scan due.
 */
export async function requestScansOfUncounted(tx: Tx, asked: Asked): Promise<void> {
  await sql`
    update scans set requested_at = ${asked.at}
    from panel_poll as poll
    where poll.has_admin_usage is not true and poll.asked_tick < ${asked.tick}`.execute(tx)
}

/** An admin whose last scan did not complete, and why. */
export type FailedScan = { id: bigint; username: string; code: string; message: string; startedAt: Date }

/** The scans that did not complete, the latest first. */
export async function listFailedScans(db: Database, limit: number): Promise<FailedScan[]> {
  const { rows } = await sql<FailedScan>`
    select admins.id, username, error_code as code, error as message, started_at as "startedAt"
    from scans join admins on admins.id = scans.admin_id and closed_at is null
    where error_code is not null
    order by started_at desc limit ${limit}`.execute(db)
  return rows
}
