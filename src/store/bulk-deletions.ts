import { sql } from 'kysely'
import type { Database, Tx } from './database.ts'
import { type Deletion, finishedNow, updateDeletion } from './deletions.ts'
import type { DeletionState } from './tables.ts'
import { workIsUnderWay } from './worker-session.ts'

export type NewBulkDeletion = {
  kind: 'users' | 'admin'
  requestedBy: string
  /** The account whose users are deleted; null: the users are named. */
  adminId: bigint | null
  onlyAdminId: bigint | null
  onlyStatus: string | null
  idempotencyKey: string | null
  requestHash: string | null
  usernames: readonly string[]
}

/** Opens a bulk deletion with a receipt for each user named. */
export async function insertBulkDeletion(tx: Tx, bulk: NewBulkDeletion): Promise<Deletion> {
  const parent = await tx
    .insertInto('deletions')
    .values({
      kind: bulk.kind,
      state: 'requested',
      requested_by: bulk.requestedBy,
      admin_id: bulk.adminId,
      only_admin_id: bulk.onlyAdminId,
      only_status: bulk.onlyStatus,
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
  return parent
}

/** Gives every user that the account has now a receipt under `parent`, unless it has one. Returns how many are new. */
export async function addUsersOfAccount(db: Database, parent: Deletion): Promise<number> {
  const { rows } = await sql<{ added: bigint }>`
    with added as (
      insert into deletions
        (kind, state, parent_id, username, created_at, admin_id, requested_by, only_admin_id, preserve_traffic)
      select 'user', 'requested', ${parent.id}, username, created_at, admin_id, ${parent.requested_by}, admin_id, true
      from tenures
      where admin_id = ${parent.admin_id} and ended_at is null
        and (${parent.only_status}::text is null or status = ${parent.only_status})
      order by id
      on conflict do nothing
      returning 1
    )
    select count(*) as added from added`.execute(db)
  return Number(rows[0]?.added)
}

/** The bulk deletion that `requestedBy` asked for under this key before; null: none. */
export async function findByIdempotencyKey(
  tx: Tx,
  requestedBy: string,
  idempotencyKey: string,
): Promise<Deletion | null> {
  const row = await tx
    .selectFrom('deletions')
    .selectAll()
    .where('requested_by', '=', requestedBy)
    .where('idempotency_key', '=', idempotencyKey)
    .executeTakeFirst()
  return row ?? null
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

/** Users of a bulk deletion that have not ended, after the one with the id `after`. */
export async function listPendingChildren(
  db: Database,
  parentId: bigint,
  page: { after: bigint; limit: number },
): Promise<{ id: bigint; username: string }[]> {
  const rows = await db
    .selectFrom('deletions')
    .select(['id', 'username'])
    .where('parent_id', '=', parentId)
    .where('state', 'in', ['requested', 'preserved'])
    .where('id', '>', page.after)
    .orderBy('id')
    .limit(page.limit)
    .execute()
  return rows.map(({ id, username }) => ({ id, username: username ?? '' }))
}

/** Users of a bulk deletion whose final reading is stored, and on whose deletion nobody works any more. */
export async function listInterruptedChildren(db: Database, parentId: bigint): Promise<Deletion[]> {
  return db
    .selectFrom('deletions')
    .selectAll()
    .where('parent_id', '=', parentId)
    .where('state', '=', 'preserved')
    .where(sql<boolean>`not ${sql.raw(workIsUnderWay)}`)
    .orderBy('id')
    .execute()
}

/**
 * Notes the final reading of an admin's counter: from now on, the panel may have been asked to delete the admin. The state
 * stays: a bulk deletion that is interrupted is gone on with, not settled.
 */
export async function preserveAdmin(
  tx: Tx,
  id: bigint,
  { finalReading, worker }: { finalReading: bigint | null; worker: string },
): Promise<Deletion> {
  return updateDeletion(tx, id, {
    preserved_at: sql`greatest(clock_timestamp(), requested_at)`,
    final_reading: finalReading,
    worker,
  })
}

/** Asks a bulk deletion to stop; what is not deleted yet stays. Nothing happens to one that has ended. */
export async function requestCancel(db: Database, id: bigint): Promise<void> {
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
