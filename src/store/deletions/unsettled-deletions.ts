import { type ExpressionBuilder, sql } from 'kysely'
import type { UserKey } from '../../ledger/tenure.ts'
import { type ChangedCreation, givenCreations } from '../connection/changed-creations.ts'
import type { Database, Tx } from '../connection/database.ts'
import { givenTable } from '../connection/given.ts'
import type { Reason } from '../connection/reason.ts'
import { carryOut, prepared, sendLater, statement } from '../connection/together.ts'
import { workIsUnderWay } from '../connection/worker-session.ts'
import type { Tables } from '../tables.ts'
import {
  type AdminDeletion,
  type DeletionOf,
  type DeletionRef,
  deletionColumns,
  toDeletionOf,
  type UserDeletion,
} from './deletion.ts'
import { updateDeletion } from './deletions.ts'

/** What the panel can be asked about: a user, or an admin. */
export type SingleDeletion = UserDeletion | AdminDeletion
const singleKinds = ['user', 'admin'] as const

/** How a deletion that has not ended stands between this service and the panel. */
type Standing = {
  /** Whether the service that works on it still lives. */
  alive: boolean
  /** For how many seconds more the panel may act on what it has not answered; 0: that time is over, or never began. */
  grace: number
}

/** A deletion that has not ended. */
export type OpenDeletion<D extends SingleDeletion = SingleDeletion> = D & Standing

/** A time that lies far in the future, since the clock was set back, is over: no grace is longer than four minutes. */
const grace = sql<number>`(case
  when unknown_until between clock_timestamp() and clock_timestamp() + interval '15 minutes'
  then extract(epoch from unknown_until - clock_timestamp())::float8 else 0 end)`

const alive = sql<boolean>`${sql.raw(workIsUnderWay)}`

function openDeletions(db: Database | Tx) {
  return db
    .selectFrom('deletions')
    .select(deletionColumns)
    .select([alive.as('alive'), grace.as('grace')])
}

/** One deletion that has not ended; null: there is none, or it has. */
export async function findOpenDeletion<Ref extends DeletionRef<'user' | 'admin'>>(
  db: Database | Tx,
  { id, kind }: Ref,
): Promise<(DeletionOf<Ref['kind']> & Standing) | null> {
  const row = await openDeletions(db).where('id', '=', id).where('finished_at', 'is', null).executeTakeFirst()
  return row ? { ...toDeletionOf<Ref['kind']>([kind], row), alive: row.alive, grace: row.grace } : null
}

/** What a deletion is about: a user's name, or an account. */
export type Target = { username: string } | { adminId: bigint }

/** The deletion of `target` that the panel is being asked for, or may still act on; locked. */
export async function lockUnderWay(tx: Tx, target: Target): Promise<OpenDeletion | null> {
  const query = openDeletions(tx)
    .where((is) => is.or([is('worker', 'is not', null), is('state', '=', 'unknown')]))
    .where((is) =>
      'username' in target
        ? is.and([is('kind', '=', 'user'), isNamed(is, target.username)])
        : is.and([is('kind', '=', 'admin'), is('admin_id', '=', target.adminId)]),
    )
    .forUpdate()
  const [row] = await carryOut(tx, prepared(statement(query)))
  return row ? { ...toDeletionOf(singleKinds, row), alive: row.alive, grace: row.grace } : null
}

function isNamed(is: ExpressionBuilder<Tables, 'deletions'>, username: string) {
  return is.and([is(sql`md5(username)`, '=', sql`md5(${username})`), is('username', '=', username)])
}

/**
 * Notes that the outcome of a deletion is unknown. No service works on it now, and the panel may act on it for
 * `graceMs` milliseconds from now.
 */
export async function markUnknown<Ref extends DeletionRef>(
  db: Database | Tx,
  deletion: Ref,
  { graceMs, error }: { graceMs: number; error: Reason },
): Promise<DeletionOf<Ref['kind']>> {
  return updateDeletion(db, deletion, {
    state: 'unknown',
    worker: null,
    error_code: error.code,
    error: error.message,
    unknown_until: sql`clock_timestamp() + ${graceMs}::float8 * interval '1 millisecond'`,
  })
}

/**
 * Deletions whose outcome the panel has to be asked for: it has not answered, or the service that worked on them stopped.
 * What a bulk deletion has only begun goes on with it.
 *
 * @param page those with a larger id than `after`, in the order of their ids.
 */
export async function listUnsettled(
  db: Database,
  page: { after: bigint; limit: number },
): Promise<SingleDeletion[]> {
  const rows = await db
    .selectFrom('deletions')
    .selectAll()
    .where('finished_at', 'is', null)
    .where((is) => is.or([is('parent_id', 'is', null), is('state', '=', 'unknown')]))
    .where((is) =>
      is.or([
        is('state', '=', 'unknown'),
        is.and([isOfOne(is), sql<boolean>`not ${sql.raw(workIsUnderWay)}`]),
      ]),
    )
    .where('id', '>', page.after)
    .orderBy('id')
    .limit(page.limit)
    .execute()
  return rows.map((row) => toDeletionOf(singleKinds, row))
}

/** Of a single user; or of an admin alone, whose receipt is opened when all is stored. */
function isOfOne(is: ExpressionBuilder<Tables, 'deletions'>) {
  return is.or([is('kind', '=', 'user'), is('state', '=', 'preserved')])
}

const goneUsers = givenTable<UserKey>('gone', {
  username: ['text', ({ username }) => username],
  created_at: ['timestamp', ({ createdAt }) => createdAt],
})

/**
 * Ends the deletions that never got an answer, also those given up since, of users that are found to be gone: the panel has
 * acted in the end, or the user was deleted another way.
 */
export async function finishUnanswered(tx: Tx, gone: readonly UserKey[]): Promise<void> {
  if (gone.length === 0) return
  const finishing = sql`
    update deletions set state = 'deleted', error_code = null, error = null,
      finished_at = greatest(clock_timestamp(), requested_at, preserved_at),
      total_traffic = (
        select total_traffic_consumed from cumulative_traffic where cumulative_traffic.admin_id = deletions.admin_id
      )
    from ${goneUsers(gone)}
    where kind = 'user' and unknown_until is not null and state in ('unknown', 'failed')
      and md5(deletions.username) = md5(gone.username) and deletions.username = gone.username
      and deletions.created_at = gone.created_at`
  await sendLater(tx, prepared(statement(finishing)))
}

/** Receipts whose outcome may still change follow a user to its new time of creation: they mean the same user. */
export async function followCreations(tx: Tx, changed: readonly ChangedCreation[]): Promise<void> {
  if (changed.length === 0) return
  const following = sql`
    update deletions set created_at = changed.new
    from ${givenCreations(changed)}
    where kind = 'user' and (finished_at is null or (unknown_until is not null and state = 'failed'))
      and md5(deletions.username) = md5(changed.username) and deletions.username = changed.username
      and deletions.created_at = changed.old
      -- A bulk deletion has one receipt for each user.
      and not exists (
        select from deletions as other
        where other.parent_id = deletions.parent_id and other.username = deletions.username
          and other.created_at = changed.new)`
  await sendLater(tx, statement(following))
}

/** Deletions of admins that were given up without an answer, and whose admins the panel does not list any more. */
export async function listLateAdminDeletions(db: Database, limit: number): Promise<AdminDeletion[]> {
  const rows = await db
    .selectFrom('deletions')
    .selectAll('deletions')
    .innerJoin('admins', 'admins.id', 'deletions.admin_id')
    .where('kind', '=', 'admin')
    .where('unknown_until', 'is not', null)
    .where('state', 'in', ['failed', 'incomplete'])
    .where('missing_since', 'is not', null)
    .where('closed_at', 'is', null)
    .orderBy('deletions.id', 'desc')
    .limit(limit)
    .execute()
  return rows.map((row) => toDeletionOf(['admin'], row))
}
