import { type Selectable, type SqlBool, sql } from 'kysely'
import type { HoldReason, LimitReason } from '../../ledger/hold.ts'
import type { Database, Tx } from '../connection/database.ts'
import { givenTable } from '../connection/given.ts'
import type { HoldsTable } from '../limit-tables.ts'
import { writeOutbox } from '../outbox/outbox.ts'

/** What an operator said when it held an account. */
export type OperatorHold = { reason: string; by: string; at: Date }

export type Hold = {
  adminId: bigint
  /** The admin, as the panel names it. */
  username: string
  /** Empty: its users are being enabled again. */
  reasons: HoldReason[]
  operator: OperatorHold | null
  /** When the first reason came, or the last one went. */
  since: Date
  announced: 'finished' | 'failed' | null
}

/** The reasons that the limit of an account gives. */
export type LimitReasons = { adminId: bigint; reasons: readonly LimitReason[] }

const wantedHolds = givenTable<LimitReasons>('wanted', {
  admin_id: ['bigint', ({ adminId }) => adminId],
  by_limit: ['boolean', ({ reasons }) => reasons.includes('limit')],
  by_expiry: ['boolean', ({ reasons }) => reasons.includes('expired')],
})

/**
 * Stores which reasons limits give to hold accounts; those of operators stay. What changes goes into the outbox. A closed
 * account is held no more: its users are gone. The transaction must have locked the accounts.
 */
export async function saveLimitReasons(tx: Tx, wanted: readonly LimitReasons[], at: Date): Promise<void> {
  if (wanted.length === 0) return
  const { rows } = await sql<{ adminId: bigint }>`
    with wanted as (
      select admin_id, array_remove(array[
        case when by_limit then 'limit' end, case when by_expiry then 'expired' end,
        case when 'operator' = any(hold.reasons) then 'operator' end], null) as reasons, hold.reasons as before,
        -- Kept as they are: PostgreSQL checks the row to insert also where it updates another one.
        hold.operator_reason, hold.operator_by, hold.operator_at
      from ${wantedHolds(wanted)}
      join admins on admins.id = wanted.admin_id and admins.closed_at is null
      left join holds as hold using (admin_id)
    )
    insert into holds (admin_id, reasons, operator_reason, operator_by, operator_at, since, remaining)
    select admin_id, reasons, operator_reason, operator_by, operator_at, ${at}, ${served} from wanted where reasons <> coalesce(before, '{}')
    on conflict (admin_id) do update set reasons = excluded.reasons, ${begun}
    returning admin_id as "adminId"`.execute(tx)
  for (const { adminId } of rows) await writeOutbox(tx, { kind: 'hold', adminId })
}

/** How many users of an account the panel serves, as far as the ledger knows. */
const served = sql`(
  select coalesce(sum(users), 0) from account_users
  where account_users.admin_id = wanted.admin_id and status in ('active', 'on_hold'))`

/** What begins anew when the first reason comes, and when the last one goes. */
const begun = sql`
  since = case when (excluded.reasons = '{}') <> (holds.reasons = '{}') then excluded.since else holds.since end,
  announced = case when (excluded.reasons = '{}') = (holds.reasons = '{}') then holds.announced end,
  remaining = case when excluded.reasons = '{}' then 0 when holds.reasons = '{}' then excluded.remaining
    else holds.remaining end`

/** Holds an account because its operator wants it. The transaction must have locked the account. */
export async function saveOperatorHold(
  tx: Tx,
  adminId: bigint,
  { reason, by, at }: OperatorHold,
): Promise<void> {
  await sql`
    with wanted as (select ${adminId}::bigint as admin_id)
    insert into holds (admin_id, reasons, operator_reason, operator_by, operator_at, since, remaining)
    select admin_id, array['operator'], ${reason}, ${by}, ${at}, ${at}, ${served} from wanted
    on conflict (admin_id) do update set
      reasons = array_append(array_remove(holds.reasons, 'operator'), 'operator'),
      operator_reason = excluded.operator_reason, operator_by = excluded.operator_by,
      operator_at = excluded.operator_at, ${begun}`.execute(tx)
  await writeOutbox(tx, { kind: 'hold', adminId })
}

/** Takes the operator's reason away. The transaction must have locked the account. */
export async function removeOperatorHold(tx: Tx, adminId: bigint, at: Date): Promise<void> {
  await sql`
    update holds set reasons = array_remove(reasons, 'operator'), operator_reason = null, operator_by = null,
      operator_at = null,
      since = case when reasons = '{operator}' then ${at} else since end,
      announced = case when reasons <> '{operator}' then announced end,
      remaining = case when reasons = '{operator}' then 0 else remaining end
    where admin_id = ${adminId}`.execute(tx)
  await writeOutbox(tx, { kind: 'hold', adminId })
}

/** Ends the hold of an account whose admin was deleted. It gives nothing back. */
export async function endHoldOfClosed(tx: Tx, adminId: bigint, at: Date): Promise<void> {
  await tx
    .updateTable('held_users')
    .set({ state: 'gone', ended_at: at })
    .where('admin_id', '=', adminId)
    .where('ended_at', 'is', null)
    .execute()
  await tx.updateTable('held_users').set({ look_at: null }).where('admin_id', '=', adminId).execute()
  await tx.deleteFrom('holds').where('admin_id', '=', adminId).execute()
}

/** The hold of an account; null: it is not held, and nothing has to be given back. */
export async function findHold(db: Database, adminId: bigint): Promise<Hold | null> {
  const row = await holds(db).where('holds.admin_id', '=', adminId).executeTakeFirst()
  return row ? toHold(row) : findLeftover(db, adminId)
}

/** What is left to give back of a hold that has ended: a replica may have changed a user after another had removed the hold. */
async function findLeftover(db: Database, adminId: bigint): Promise<Hold | null> {
  const row = await db
    .selectFrom('held_users')
    .innerJoin('admins', 'admins.id', 'held_users.admin_id')
    .select(['admins.username', 'planned_at as since'])
    .where('admin_id', '=', adminId)
    .where(isLeft)
    .limit(1)
    .executeTakeFirst()
  return row ? { adminId, ...row, reasons: [], operator: null, announced: 'finished' } : null
}

/** Whether there is something to be done for a held user. */
const isLeft = sql<SqlBool>`(held_users.ended_at is null or held_users.look_at is not null)`

function holds(db: Database) {
  return db
    .selectFrom('holds')
    .innerJoin('admins', 'admins.id', 'holds.admin_id')
    .selectAll('holds')
    .select('admins.username')
}

/** The account with this name that is open, if it is held now; null: it is not. */
export async function findHoldOf(db: Database, username: string): Promise<Hold | null> {
  const row = await holds(db)
    .where(sql`name_key(admins.username)`, '=', sql`name_key(${username}::text)`)
    .where('admins.closed_at', 'is', null)
    .where('holds.reasons', '<>', sql<HoldReason[]>`'{}'`)
    .executeTakeFirst()
  return row ? toHold(row) : null
}

function toHold(row: Selectable<HoldsTable> & { username: string }): Hold {
  const { operator_reason: reason, operator_by: by, operator_at: at } = row
  return {
    adminId: row.admin_id,
    username: row.username,
    reasons: row.reasons,
    operator: reason === null || by === null || at === null ? null : { reason, by, at },
    since: row.since,
    announced: row.announced,
  }
}

/** The accounts that are held, or give users back. */
export async function listHolds(db: Database): Promise<bigint[]> {
  const rows = await db
    .selectFrom('holds')
    .select('admin_id as adminId')
    .union(db.selectFrom('held_users').select('admin_id as adminId').where(isLeft))
    .orderBy('adminId')
    .execute()
  return rows.map(({ adminId }) => adminId)
}

/** Notes how many users are still to be looked at. */
export async function noteRemaining(db: Database, adminId: bigint, remaining: number): Promise<void> {
  await db
    .updateTable('holds')
    .set({ remaining: BigInt(remaining) })
    .where('admin_id', '=', adminId)
    .where('reasons', '<>', sql<HoldReason[]>`'{}'`)
    .execute()
}

/**
 * Removes a hold that has given everything back some time ago: until then, somebody may still be giving back. If that lies in the
 * future, the clock was set back since.
 */
export async function removeFinishedHold(db: Database, adminId: bigint, afterMs: number): Promise<void> {
  await sql`
    delete from holds where admin_id = ${adminId} and reasons = '{}'
      and since not between clock_timestamp() - make_interval(secs => ${afterMs / 1000})
        and clock_timestamp() + interval '15 minutes'
      and not exists (
        select from held_users as held where held.admin_id = holds.admin_id
          and (held.ended_at is null or held.look_at is not null))`.execute(db)
}

/** Notes that it was announced how a hold went. Returns whether this is news. */
export async function noteAnnounced(
  tx: Tx,
  { adminId, since }: Pick<Hold, 'adminId' | 'since'>,
  announced: 'finished' | 'failed',
): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('holds')
    .set({ announced })
    .where('admin_id', '=', adminId)
    .where('since', '=', since)
    .where((where) => where.or([where('announced', 'is', null), where('announced', '<>', announced)]))
    .executeTakeFirst()
  return numUpdatedRows > 0n
}
