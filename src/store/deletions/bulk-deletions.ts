import { type RawBuilder, sql } from 'kysely'
import type { Database, Tx } from '../connection/database.ts'
import { workIsUnderWay } from '../connection/worker-session.ts'
import type { DeletionState } from '../tables.ts'
import {
  type AccountScope,
  type AdminDeletion,
  type BulkDeletion,
  type DeletionOf,
  type DeletionRef,
  type DeletionRow,
  deletionColumns,
  toDeletionOf,
  type UserDeletion,
} from './deletion.ts'
import { finishedNow, updateDeletion } from './deletions.ts'

export type NewBulkDeletion = {
  kind: 'users' | 'admin'
  requestedBy: string
  /** The account whose users are deleted; null: the users are named. */
  adminId: bigint | null
  onlyAdminId: bigint | null
  /** Users of other statuses are spared; null: none. */
  onlyStatuses: readonly string[] | null
  idempotencyKey: string | null
  requestHash: string | null
  usernames: readonly string[]
  /** Names that are not deleted, and why. */
  refused: { usernames: readonly string[]; code: string; message: string }
}

/** Opens a bulk deletion with a receipt for each user named; those of names that are refused have ended. */
export async function insertBulkDeletion(tx: Tx, bulk: NewBulkDeletion): Promise<BulkDeletion> {
  const parent = await tx
    .insertInto('deletions')
    .values({
      kind: bulk.kind,
      state: 'requested',
      requested_by: bulk.requestedBy,
      admin_id: bulk.adminId,
      only_admin_id: bulk.onlyAdminId,
      only_statuses: bulk.onlyStatuses === null ? null : [...bulk.onlyStatuses],
      idempotency_key: bulk.idempotencyKey,
      request_hash: bulk.requestHash,
      preserve_traffic: true,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
  await sql`
    insert into deletions (kind, state, parent_id, username, requested_by, only_admin_id, preserve_traffic)
    select 'user', 'requested', ${parent.id}, username, ${bulk.requestedBy}, ${bulk.onlyAdminId}, true
    from unnest(${[...bulk.usernames]}::text[]) as username
    on conflict do nothing`.execute(tx)
  const { usernames, code, message } = bulk.refused
  if (usernames.length > 0) {
    await sql`
      insert into deletions
        (kind, state, parent_id, username, requested_by, only_admin_id, preserve_traffic, error_code, error, requested_at,
          finished_at)
      select 'user', 'failed', bulk.id, names.username, ${bulk.requestedBy}, ${bulk.onlyAdminId}::bigint, true, ${code}, ${message},
        bulk.requested_at, greatest(clock_timestamp(), bulk.requested_at)
      from deletions as bulk cross join unnest(${[...usernames]}::text[]) as names (username)
      where bulk.id = ${parent.id}
      on conflict do nothing`.execute(tx)
  }
  return toDeletionOf(bulkKinds, parent)
}

const bulkKinds = ['users', 'admin'] as const

/** Gives every user in `scope` that the account has now a receipt under `bulk`, unless it has one. Returns how many are new. */
export async function addUsersOfAccount(
  db: Database,
  bulk: Pick<BulkDeletion, 'id' | 'requestedBy'>,
  { adminId, statuses }: AccountScope,
): Promise<number> {
  const only = statuses === null ? null : [...statuses]
  const { rows } = await sql<{ added: bigint }>`
    with added as (
      insert into deletions
        (kind, state, parent_id, username, created_at, admin_id, requested_by, only_admin_id, preserve_traffic)
      select 'user', 'requested', ${bulk.id}, username, created_at, admin_id, ${bulk.requestedBy}, admin_id, true
      from tenures
      where admin_id = ${adminId} and ended_at is null
        and (${only}::text[] is null or status = any(${only}))
      order by id
      on conflict do nothing
      returning 1
    )
    select count(*) as added from added`.execute(db)
  return Number(rows[0]?.added)
}

/** A caller that opens bulk deletions under keys; `adminId` null: it has no account. */
export type KeyHolder = { requestedBy: string; adminId: bigint | null }

/**
 * The bulk deletion that a caller asked for under this key before; null: none. An admin of its name that was deleted is
 * another caller.
 */
export async function findByIdempotencyKey(
  tx: Database | Tx,
  holder: KeyHolder,
  idempotencyKey: string,
): Promise<BulkDeletion | null> {
  const { rows } = await sql<DeletionRow>`
    select ${sql.raw(deletionColumns.join(', '))} from deletions
    where ${isUnderKey(holder, idempotencyKey)} and not ${isOfEarlierAdmin(holder)}`.execute(tx)
  const [row] = rows
  return row ? toDeletionOf(bulkKinds, row) : null
}

/** Lets a caller use a key that an admin of its name has used who was deleted. */
export async function freeIdempotencyKey(tx: Tx, holder: KeyHolder, idempotencyKey: string): Promise<void> {
  await sql`
    update deletions set idempotency_key = null
    where ${isUnderKey(holder, idempotencyKey)} and ${isOfEarlierAdmin(holder)}`.execute(tx)
}

function isUnderKey({ requestedBy }: KeyHolder, idempotencyKey: string): RawBuilder<unknown> {
  return sql`md5(requested_by) = md5(${requestedBy}::text) and requested_by = ${requestedBy}
    and idempotency_key = ${idempotencyKey}`
}

/** What was asked for before the caller's account was opened, an earlier admin of its name has asked for. */
function isOfEarlierAdmin({ adminId }: KeyHolder): RawBuilder<unknown> {
  return sql`coalesce(requested_at < (select first_seen_at from admins where id = ${adminId}), false)`
}

/** How many users of a bulk deletion are in each state. */
export type ChildCounts = Partial<Record<DeletionState, number>>

export async function countChildren(db: Database, parentId: bigint): Promise<ChildCounts> {
  const rows = await db
    .selectFrom('deletions')
    .select(['state', sql<bigint>`count(*)`.as('count')])
    .where('parent_id', '=', parentId)
    .groupBy('state')
    .execute()
  return Object.fromEntries(rows.map(({ state, count }) => [state, Number(count)]))
}

/** Seconds that a bulk deletion took, or takes so far, by the clock that its times are from; null: it has not begun. */
export async function secondsSpent(db: Database, id: bigint): Promise<number | null> {
  const { seconds } = await db
    .selectFrom('deletions')
    .select(
      sql<
        number | null
      >`extract(epoch from coalesce(finished_at, clock_timestamp()) - started_at)::float8`.as('seconds'),
    )
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  return seconds
}

/** Users of a bulk deletion that it has not begun with and the ledger does not know, after the id `after`. */
export async function listUnknownUsers(
  db: Database,
  parentId: bigint,
  page: { after: bigint; limit: number },
): Promise<{ id: bigint; username: string }[]> {
  const { rows } = await sql<{ id: bigint; username: string }>`
    select id, username from deletions
    where parent_id = ${parentId} and finished_at is null and claimed_by is null and state = 'requested'
      and id > ${page.after}
      and not exists (
        select from tenures
        where name_key(tenures.username) = name_key(deletions.username) and tenures.ended_at is null offset 0)
    order by id limit ${page.limit}`.execute(db)
  return rows
}

/** Ends the receipts of unknown users. */
export async function failUsers(
  db: Database,
  ids: readonly bigint[],
  error: { code: string; message: string },
): Promise<void> {
  await db
    .updateTable('deletions')
    .set({
      state: 'failed',
      error_code: error.code,
      error: error.message,
      finished_at: finishedNow,
    })
    .where('id', '=', sql<bigint>`any(${[...ids]}::bigint[])`)
    .where('finished_at', 'is', null)
    .execute()
}

/** Notes that every user of a bulk deletion has a receipt, so that they may be deleted. */
export async function markCollected<Ref extends DeletionRef<BulkDeletion['kind']>>(
  db: Database,
  bulk: Ref,
): Promise<DeletionOf<Ref['kind']>> {
  return updateDeletion(db, bulk, { collected_at: sql`clock_timestamp()`, rounds: sql`rounds + 1` })
}

/** Users of a bulk deletion whose final reading is stored, and whose deletion was interrupted. */
export async function listInterruptedChildren(db: Database, parentId: bigint): Promise<UserDeletion[]> {
  const rows = await db
    .selectFrom('deletions')
    .selectAll()
    .where('parent_id', '=', parentId)
    .where('state', '=', 'preserved')
    .where(sql<boolean>`not ${sql.raw(workIsUnderWay)}`)
    .orderBy('id')
    .execute()
  return rows.map((row) => toDeletionOf(['user'], row))
}

/**
 * Notes the final reading of an admin's counter: from now on, the panel may have been asked to delete the admin. The state
 * stays: a bulk deletion that is interrupted is gone on with, not settled.
 */
export async function preserveAdmin(
  tx: Tx,
  id: bigint,
  { finalReading, worker }: { finalReading: bigint | null; worker: string },
): Promise<AdminDeletion> {
  return updateDeletion(
    tx,
    { id, kind: 'admin' },
    {
      preserved_at: sql`greatest(clock_timestamp(), requested_at)`,
      final_reading: finalReading,
      worker,
    },
  )
}

/** Asks a bulk deletion to stop; what is not deleted yet stays. Nothing happens to one that has ended. */
export async function requestCancel(db: Database | Tx, id: bigint): Promise<void> {
  await db
    .updateTable('deletions')
    .set({ cancel_requested_at: sql`coalesce(cancel_requested_at, clock_timestamp())` })
    .where('id', '=', id)
    .where('finished_at', 'is', null)
    .execute()
}

/** Whether a bulk deletion has been asked to stop. */
export async function isCancelRequested(db: Database, id: bigint): Promise<boolean> {
  const row = await db
    .selectFrom('deletions')
    .select('cancel_requested_at')
    .where('id', '=', id)
    .executeTakeFirst()
  return row?.cancel_requested_at != null
}

/** Ends the receipts of all users that a cancelled deletion has not reached. */
export async function cancelPendingChildren(db: Database, parentId: bigint): Promise<void> {
  await db
    .updateTable('deletions')
    .set({ state: 'cancelled', worker: null, finished_at: finishedNow })
    .where('parent_id', '=', parentId)
    .where('state', '=', 'requested')
    .execute()
}
