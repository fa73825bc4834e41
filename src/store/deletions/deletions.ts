import { sql, type UpdateObject } from 'kysely'
import type { Database, Tx } from '../connection/database.ts'
import type { Reason } from '../connection/reason.ts'
import { type Later, prepared, sendLater, statement } from '../connection/together.ts'
import type { Tables } from '../tables.ts'
import {
  type AdminDeletion,
  type Deletion,
  type DeletionOf,
  type DeletionRef,
  type DeletionRow,
  deletionColumns,
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
  /** The final reading that the transaction has stored; null: there is none. */
  reading: StoredReading | null
}

/** Opens the receipt of a user's deletion that this service works on from now on. It is written with the COMMIT at the latest. */
export async function insertUserDeletion(
  tx: Tx,
  { reading, ...deletion }: NewUserDeletion,
): Promise<Later<UserDeletion | null>> {
  const inserting = sql<DeletionRow>`
    insert into deletions (kind, state, username, created_at, requested_by, preserve_traffic, worker, admin_id,
      final_reading, preserved_bytes, requested_at, started_at, preserved_at)
    select 'user', ${reading ? 'preserved' : 'requested'}, ${deletion.username}, ${deletion.createdAt}::timestamp,
      ${deletion.requestedBy}, ${deletion.preserveTraffic}::boolean, ${deletion.worker}, ${reading?.adminId ?? null}::bigint,
      ${reading?.lifetime ?? null}::bigint, ${reading?.added ?? null}::bigint, at, at,
      case when ${reading !== null} then at end
    from clock_timestamp() as at
    returning ${sql.raw(deletionColumns.join(', '))}`
  return sendLater(tx, prepared(statement(inserting, firstUser)))
}

/**
 * Notes that this service works on a user of a bulk deletion from now on, and its final reading, unless the deletion has
 * ended. It is written with the COMMIT at the latest; null: it has ended.
 */
export async function beginUserDeletion(
  tx: Tx,
  id: bigint,
  { worker, reading }: Pick<NewUserDeletion, 'worker' | 'reading'>,
): Promise<Later<UserDeletion | null>> {
  const begun = { worker, started_at: sql<Date>`coalesce(started_at, clock_timestamp())` }
  const change = reading ? { ...begun, ...changeOf(reading), state: 'preserved' as const } : begun
  return sendLater(tx, prepared(statement(updatingDeletion(tx, id, change), firstUser)))
}

function firstUser([row]: DeletionRow[]): UserDeletion | null {
  return row ? toDeletionOf(['user'], row) : null
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
  return updateDeletion(tx, { id, kind: 'user' }, changeOf(reading))
}

function changeOf(reading: StoredReading) {
  return {
    username: reading.username,
    created_at: reading.createdAt,
    admin_id: reading.adminId,
    final_reading: reading.lifetime,
    preserved_bytes: sql<bigint>`coalesce(preserved_bytes, 0) + ${reading.added}::bigint`,
    preserved_at: sql<Date>`greatest(clock_timestamp(), requested_at)`,
  }
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
  const changed = await updatingDeletion(db, id, change).executeTakeFirst()
  return toDeletionOf<Ref['kind']>([kind], changed ?? (await mustFindRow(db, id)))
}

function updatingDeletion(db: Database | Tx, id: bigint, change: UpdateObject<Tables, 'deletions'>) {
  return db
    .updateTable('deletions')
    .set(change)
    .where('id', '=', id)
    .where('finished_at', 'is', null)
    .returning(deletionColumns)
}

/** One user's deletion by its id, which exists. */
export async function mustFindUserDeletion(db: Database, id: bigint): Promise<UserDeletion> {
  return toDeletionOf(['user'], await mustFindRow(db, id))
}

function mustFindRow(db: Database | Tx, id: bigint) {
  return db.selectFrom('deletions').select(deletionColumns).where('id', '=', id).executeTakeFirstOrThrow()
}

/**
 * Notes that a deletion has begun, unless it has ended. A service that has sent something for it stays on it: the panel may
 * still act.
 */
export async function beginDeletion<Ref extends DeletionRef>(
  db: Database | Tx,
  deletion: Ref,
): Promise<DeletionOf<Ref['kind']>> {
  return updateDeletion(db, deletion, { started_at: sql`coalesce(started_at, clock_timestamp())` })
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
  const finished = await finishingDeletion(db, id, outcome).executeTakeFirst()
  return toDeletionOf<Ref['kind']>([kind], finished ?? (await mustFindRow(db, id)))
}

/** {@link finishDeletion} of a user, with the COMMIT at the latest; null: it has ended, and stays as it is. */
export async function finishUserDeletion(
  tx: Tx,
  id: bigint,
  outcome: Outcome,
): Promise<Later<UserDeletion | null>> {
  return sendLater(tx, prepared(statement(finishingDeletion(tx, id, outcome), firstUser)))
}

function finishingDeletion(db: Database | Tx, id: bigint, outcome: Outcome) {
  return db
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
      // A bulk deletion says what its users have said; none has a receipt that is open. Users of several accounts can have more
      // than a bigint holds.
      preserved_bytes: sql`case when deletions.kind = 'user' then deletions.preserved_bytes else (
        select (case when sum(child.preserved_bytes) > 9223372036854775807 then 9223372036854775807
          else sum(child.preserved_bytes) end)::bigint
        from deletions as child where child.parent_id = deletions.id
      ) end`,
    })
    .where('id', '=', id)
    .where((is) =>
      is.or([
        is('finished_at', 'is', null),
        ...(outcome.state === 'deleted' ? [is('unknown_until', 'is not', null)] : []),
      ]),
    )
    .returning(deletionColumns)
}
