import { sql, type UpdateObject } from 'kysely'
import type { Database, Tx } from '../connection/database.ts'
import type { Reason } from '../connection/reason.ts'
import type { Tables } from '../tables.ts'
import {
  type AdminDeletion,
  type Deletion,
  type DeletionOf,
  type DeletionRef,
  toDeletion,
  toDeletionOf,
  type UserDeletion,
} from './deletion.ts'

/** One deletion by its id; null when there is none. */
export async function findDeletion(db: Database | Tx, id: bigint): Promise<Deletion | null> {
  const row = await db.selectFrom('deletions').selectAll().where('id', '=', id).executeTakeFirst()
  return row ? toDeletion(row) : null
}

/** One user's deletion by its id; null when there is none. */
export async function findUserDeletion(db: Database | Tx, id: bigint): Promise<UserDeletion | null> {
  const found = await findDeletion(db, id)
  return found?.kind === 'user' ? found : null
}

export type NewUserDeletion = {
  username: string
  /** Which user of that name it is; null: unknown. */
  createdAt: string | null
  requestedBy: string
  preserveTraffic: boolean
  worker: string
}

/** Opens the receipt of a user's deletion that this service works on from now on. */
export async function insertUserDeletion(tx: Tx, deletion: NewUserDeletion): Promise<UserDeletion> {
  const row = await tx
    .insertInto('deletions')
    .values({
      kind: 'user',
      state: 'requested',
      username: deletion.username,
      created_at: deletion.createdAt,
      requested_by: deletion.requestedBy,
      preserve_traffic: deletion.preserveTraffic,
      worker: deletion.worker,
      started_at: sql`clock_timestamp()`,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
  return toDeletionOf(['user'], row)
}

/** A user's reading that has been stored: under which name and account, and what it was, in bytes. */
export type StoredReading = {
  username: string
  createdAt: string
  adminId: bigint | null
  lifetime: bigint
  /** What it added to the account. */
  added: bigint
}

/** Puts on a receipt that the user's final reading is stored, or a later one after the panel did not delete the user. */
export async function noteReading(tx: Tx, id: bigint, reading: StoredReading): Promise<UserDeletion> {
  return updateDeletion(
    tx,
    { id, kind: 'user' },
    {
      username: reading.username,
      created_at: reading.createdAt,
      admin_id: reading.adminId,
      final_reading: reading.lifetime,
      preserved_bytes: sql`coalesce(preserved_bytes, 0) + ${reading.added}::bigint`,
      preserved_at: sql`greatest(clock_timestamp(), requested_at)`,
    },
  )
}

/** Opens the receipt of an admin that is about to be deleted alone: everything that its users have is stored. */
export async function insertAdminDeletion(
  tx: Tx | Database,
  deletion: { adminId: bigint; requestedBy: string; worker: string; finalReading: bigint | null },
): Promise<AdminDeletion> {
  const row = await tx
    .insertInto('deletions')
    .values({
      kind: 'admin',
      state: 'preserved',
      admin_id: deletion.adminId,
      requested_by: deletion.requestedBy,
      preserve_traffic: true,
      worker: deletion.worker,
      final_reading: deletion.finalReading,
      requested_at: sql`now()`,
      started_at: sql`now()`,
      preserved_at: sql`now()`,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
  return toDeletionOf(['admin'], row)
}

/** Changes one deletion and returns it as it is then; one that has ended stays as it is. */
export async function updateDeletion<Ref extends DeletionRef>(
  db: Database | Tx,
  { id, kind }: Ref,
  change: UpdateObject<Tables, 'deletions'>,
): Promise<DeletionOf<Ref['kind']>> {
  const changed = await db
    .updateTable('deletions')
    .set(change)
    .where('id', '=', id)
    .where('finished_at', 'is', null)
    .returningAll()
    .executeTakeFirst()
  return toDeletionOf<Ref['kind']>([kind], changed ?? (await mustFindRow(db, id)))
}

function mustFindRow(db: Database | Tx, id: bigint) {
  return db.selectFrom('deletions').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
}

/** Notes that this service works on a deletion from now on, unless it has ended. */
export async function beginDeletion<Ref extends DeletionRef>(
  db: Database | Tx,
  deletion: Ref,
  worker: string | null,
): Promise<DeletionOf<Ref['kind']>> {
  return updateDeletion(db, deletion, { worker, started_at: sql`coalesce(started_at, clock_timestamp())` })
}

/** How a deletion ended. */
export type Outcome = {
  state: 'deleted' | 'failed' | 'gone' | 'cancelled' | 'incomplete'
  error?: Reason
}

/** The time for `finished_at`, which never lies before the others of a receipt: clocks are set back at times. */
export const finishedNow = sql<Date>`greatest(clock_timestamp(), requested_at, preserved_at)`

/**
 * Ends a deletion, and puts its account's total on the receipt. One that has ended stays
 * as it is, unless it was given up without an answer, and turns out to have happened.
 */
export async function finishDeletion<Ref extends DeletionRef>(
  db: Database | Tx,
  { id, kind }: Ref,
  outcome: Outcome,
): Promise<DeletionOf<Ref['kind']>> {
  const finished = await db
    .updateTable('deletions')
    .set({
      state: outcome.state,
      error_code: outcome.error?.code ?? null,
      error: outcome.error?.message ?? null,
      worker: null,
      finished_at: finishedNow,
      total_traffic: sql`(
        select total_traffic_consumed from cumulative_traffic where cumulative_traffic.admin_id = deletions.admin_id
      )`,
    })
    .where('id', '=', id)
    .where((is) =>
      is.or([
        is('finished_at', 'is', null),
        ...(outcome.state === 'deleted' ? [is('unknown_until', 'is not', null)] : []),
      ]),
    )
    .returningAll()
    .executeTakeFirst()
  return toDeletionOf<Ref['kind']>([kind], finished ?? (await mustFindRow(db, id)))
}
