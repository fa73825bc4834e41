import { type Selectable, sql, type UpdateObject } from 'kysely'
import type { Database, Tx } from './database.ts'
import type { DeletionsTable, Tables } from './tables.ts'
import { workIsUnderWay } from './worker-session.ts'

/** A deletion asked of this service: its receipt, and where it stands. Bytes and times as the columns say. */
export type Deletion = Selectable<DeletionsTable>

/** One deletion by its id; null when there is none. */
export async function findDeletion(db: Database | Tx, id: bigint): Promise<Deletion | null> {
  const row = await db.selectFrom('deletions').selectAll().where('id', '=', id).executeTakeFirst()
  return row ?? null
}

/** The deletion of this user that is under way, locked; `alive`: whether the service that works on it still is. */
export async function lockUnderWay(
  tx: Tx,
  username: string,
): Promise<(Deletion & { alive: boolean }) | null> {
  const row = await tx
    .selectFrom('deletions')
    .selectAll()
    .select(sql<boolean>`${sql.raw(workIsUnderWay)}`.as('alive'))
    .where('kind', '=', 'user')
    .where('username', '=', username)
    .where('worker', 'is not', null)
    .forUpdate()
    .executeTakeFirst()
  return row ?? null
}

export type NewUserDeletion = {
  username: string
  requestedBy: string
  preserveTraffic: boolean
  worker: string
}

/** Opens the receipt of a user's deletion that this service works on from now on. */
export async function insertUserDeletion(tx: Tx, deletion: NewUserDeletion): Promise<Deletion> {
  return tx
    .insertInto('deletions')
    .values({
      kind: 'user',
      state: 'requested',
      username: deletion.username,
      requested_by: deletion.requestedBy,
      preserve_traffic: deletion.preserveTraffic,
      worker: deletion.worker,
      started_at: sql`clock_timestamp()`,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
}

/** Opens the receipt of an admin that is about to be deleted alone: everything that its users have is stored. */
export async function insertAdminDeletion(
  tx: Tx | Database,
  deletion: { adminId: bigint; requestedBy: string; worker: string },
): Promise<Deletion> {
  return tx
    .insertInto('deletions')
    .values({
      kind: 'admin',
      state: 'preserved',
      admin_id: deletion.adminId,
      requested_by: deletion.requestedBy,
      preserve_traffic: true,
      worker: deletion.worker,
      started_at: sql`clock_timestamp()`,
      preserved_at: sql`clock_timestamp()`,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
}

/** Changes one deletion and returns it as it is then; one that has ended stays as it is. */
export async function updateDeletion(
  db: Database | Tx,
  id: bigint,
  change: UpdateObject<Tables, 'deletions'>,
): Promise<Deletion> {
  const changed = await db
    .updateTable('deletions')
    .set(change)
    .where('id', '=', id)
    .where('finished_at', 'is', null)
    .returningAll()
    .executeTakeFirst()
  return changed ?? db.selectFrom('deletions').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
}

/** Notes that this service works on a deletion from now on, unless it has ended. */
export async function beginDeletion(db: Database | Tx, id: bigint, worker: string | null): Promise<Deletion> {
  return updateDeletion(db, id, { worker, started_at: sql`coalesce(started_at, clock_timestamp())` })
}

/** How a deletion ended. */
export type Outcome = {
  state: 'deleted' | 'failed' | 'gone' | 'cancelled' | 'incomplete'
  error?: { code: string; message: string }
}

/**
 * Ends a deletion: nobody works on it any more, and its account's total is put on the receipt. One that has ended stays
 * as it is, unless it was given up as interrupted by a service that was not dead and has deleted the user after all.
 */
export async function finishDeletion(db: Database | Tx, id: bigint, outcome: Outcome): Promise<Deletion> {
  const finished = await db
    .updateTable('deletions')
    .set({
      state: outcome.state,
      error_code: outcome.error?.code ?? null,
      error: outcome.error?.message ?? null,
      worker: null,
      finished_at: sql`clock_timestamp()`,
      total_traffic: sql`(
        select total_traffic_consumed from cumulative_traffic where cumulative_traffic.admin_id = deletions.admin_id
      )`,
    })
    .where('id', '=', id)
    .where((is) =>
      is.or([
        is('finished_at', 'is', null),
        ...(outcome.state === 'deleted' ? [is('error_code', '=', 'interrupted')] : []),
      ]),
    )
    .returningAll()
    .executeTakeFirst()
  return finished ?? db.selectFrom('deletions').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
}

/**
 * Deletions of single users, and of admins alone, that nobody works on any more, although they have not ended. What
 * belongs to a bulk deletion goes on with it.
 */
export async function listAbandoned(db: Database, limit: number): Promise<Deletion[]> {
  return db
    .selectFrom('deletions')
    .selectAll()
    .where((is) => is.or([is('kind', '=', 'user'), is('state', '=', 'preserved')]))
    .where('parent_id', 'is', null)
    .where('finished_at', 'is', null)
    .where(sql<boolean>`not ${sql.raw(workIsUnderWay)}`)
    .orderBy('id')
    .limit(limit)
    .execute()
}
