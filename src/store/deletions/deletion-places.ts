import { sql } from 'kysely'
import type { Database, Tx } from '../connection/database.ts'
import { transact } from '../connection/transact.ts'
import type { BulkDeletion } from './deletion.ts'
import { findDeletion } from './deletions.ts'

/** A user of a bulk deletion that a place has taken to delete it. */
export type ClaimedUser = { bulk: BulkDeletion; id: bigint; username: string; attempts: number }

/** What waits until a time does not wait for one that a clock which was set back has moved far away. */
const isDue = sql`(resume_at is null or resume_at not between clock_timestamp() and clock_timestamp() + interval '2 minutes')`

/**
 * Takes the user whose turn it is, for one of the places where users are deleted; null: none is to be deleted now. Callers
 * take turns, each caller's bulk deletions do too, and of a bulk deletion first come those that failed least often.
 */
export async function claimUser(tx: Tx, place: string): Promise<ClaimedUser | null> {
  const { turn } = await tx
    .updateTable('deletion_turns')
    .set({ turn: sql`turn + 1` })
    .where('caller', '=', '')
    .returning('turn')
    .executeTakeFirstOrThrow()
  const { rows } = await sql<{
    id: bigint
    username: string
    attempts: number
    bulk: bigint
    caller: string
  }>`
    select child.*, bulk.id as bulk, bulk.caller
    from (
      select deletions.id, deletions.turn, caller, coalesce(turns.turn, 0) as caller_turn
      from deletions
      cross join lateral encode(sha256(convert_to(requested_by, 'UTF8')), 'hex') as caller
      left join deletion_turns as turns using (caller)
      where kind <> 'user' and finished_at is null
        and collected_at is not null and cancel_requested_at is null and ${isDue}
      order by caller_turn, deletions.turn, deletions.id
    ) as bulk
    cross join lateral (
      select id, username, attempts from deletions
      where parent_id = bulk.id and finished_at is null and claimed_by is null
        and state in ('requested', 'preserved') and ${isDue}
      order by attempts, id limit 1
    ) as child
    order by caller_turn, bulk.turn, bulk.id
    limit 1`.execute(tx)
  const [next] = rows
  if (!next) return null
  await sql`
    with claimed as (
      update deletions set claimed_by = ${place} where id = ${next.id}
    ), served as (
      update deletions set turn = ${turn} where id = ${next.bulk}
    )
    insert into deletion_turns (caller, turn) values (${next.caller}, ${turn})
    on conflict (caller) do update set turn = excluded.turn`.execute(tx)
  const bulk = await findDeletion(tx, next.bulk)
  if (!bulk || bulk.kind === 'user') return null
  return { bulk, id: next.id, username: next.username, attempts: next.attempts }
}

/** Lets go of a user that is deleted, or is not to be tried again before the bulk deletion is. */
export async function releaseUser(db: Database, id: bigint): Promise<void> {
  await db.updateTable('deletions').set({ claimed_by: null }).where('id', '=', id).execute()
}

/** Lets go of a user that is to be tried again in some seconds. */
export async function postponeUser(db: Database, id: bigint, seconds: number): Promise<void> {
  await db
    .updateTable('deletions')
    .set({
      claimed_by: null,
      resume_at: sql`clock_timestamp() + make_interval(secs => ${seconds})`,
    })
    .where('id', '=', id)
    .execute()
}

/** Lets go of the users that a place took before the service was stopped there, or lost its database. */
export async function releaseAbandonedUsers(db: Database, place: string): Promise<void> {
  await db.updateTable('deletions').set({ claimed_by: null }).where('claimed_by', '=', place).execute()
}

/** Whether users of a bulk deletion wait for their turn, or are being deleted. */
export async function hasUsersLeft(db: Database, bulkId: bigint): Promise<boolean> {
  const { rows } = await sql<{ exist: boolean }>`
    select exists (
      select from deletions
      where parent_id = ${bulkId} and finished_at is null and state in ('requested', 'preserved')
    ) as exist`.execute(db)
  return rows[0]?.exist === true
}

/**
 * Notes what a bulk deletion waits for, and that one more attempt at a user of it has failed. Where it is to rest too, it
 * does so for longer each time: from two seconds to a minute. Failures of users that were under way at the same time count
 * once. A deletion of an admin whose outcome is unknown keeps its reason: its receipt ends with it.
 *
 * @returns for how many seconds from now it rests.
 */
export async function noteWaiting(
  db: Database,
  { bulkId: id, userId }: { bulkId: bigint; userId: bigint | null },
  reason: { code: string; message: string },
  rests: boolean,
): Promise<number> {
  const { rows } = await sql<{ seconds: number }>`
    with tried as (update deletions set attempts = attempts + 1 where id = ${userId})
    update deletions set error_code = case when state = 'unknown' then error_code else ${reason.code} end,
      error = case when state = 'unknown' then error else ${reason.message} end,
      attempts = case when ${rests} and ${isDue} then attempts + 1 else attempts end,
      resume_at = case when ${rests} and ${isDue}
        then clock_timestamp() + make_interval(secs => least(60, power(2, least(attempts, 9) + 1))) else resume_at end
    where id = ${id} and finished_at is null
    returning coalesce(greatest(0, extract(epoch from resume_at - clock_timestamp())), 0)::float8 as seconds`.execute(
    db,
  )
  return rows[0]?.seconds ?? 0
}

/**
 * Notes that a bulk deletion goes on. What it waits for stays on it while a user that failed for that reason has not ended.
 * The bulk deletion is locked first, so that what another replica notes at this moment is seen.
 */
export async function noteGoingOn(db: Database, id: bigint): Promise<void> {
  await transact(db, async (tx) => {
    await tx.selectFrom('deletions').select('id').where('id', '=', id).forUpdate().execute()
    await sql`
      update deletions set attempts = 0, resume_at = null,
        error_code = case when waits then error_code end, error = case when waits then error end
      from (select exists (
        select from deletions where parent_id = ${id} and finished_at is null and attempts > 0
      ) as waits) as users
      where id = ${id} and finished_at is null and error_code is not null`.execute(tx)
  })
}

/** The bulk deletions that have not ended, the oldest first. */
export async function listOpenBulks(db: Database): Promise<{ id: bigint; requestedBy: string }[]> {
  return db
    .selectFrom('deletions')
    .select(['id', 'requested_by as requestedBy'])
    .where('kind', '<>', 'user')
    .where('finished_at', 'is', null)
    .orderBy('id')
    .execute()
}
