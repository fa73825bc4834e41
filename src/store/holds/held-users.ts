import { type RawBuilder, type Selectable, sql } from 'kysely'
import { type ChangedCreation, givenCreations } from '../connection/changed-creations.ts'
import type { Database, Tx } from '../connection/database.ts'
import { keyOf } from '../connection/name-key.ts'
import type { Reason } from '../connection/reason.ts'
import type { HeldUsersTable } from '../limit-tables.ts'

/** What a user is given back when its hold ends. */
export type FormerService = {
  status: 'active' | 'on_hold'
  /** Of a user that waits for its first connection: seconds that it may be used from then on. */
  onHoldDuration: bigint | null
  /** Until when it waits, as the panel writes it. */
  onHoldTimeout: string | null
}

/** A user that is disabled because its account is held. */
export type HeldUser = FormerService & {
  id: bigint
  adminId: bigint
  username: string
  createdAt: string
  /** `planned`: the panel may not have heard of it yet. */
  state: HeldUsersTable['state']
  /** Whether a request to disable it may have reached the panel, or may still do so, and no answer said so. */
  isUnclear: boolean
}

/**
 * Plans to disable a user, before the panel hears of it. A user that is enabled again by somebody is planned once more. Where
 * one is planned that was planned already, an earlier request may still reach the panel.
 *
 * @returns null: the account is not held any more.
 */
export async function planHeld(
  db: Database,
  adminId: bigint,
  user: { username: string; createdAt: string } & FormerService,
): Promise<HeldUser | null> {
  const { rows } = await sql<Selectable<HeldUsersTable>>`
    with hold as (select admin_id from holds where admin_id = ${adminId} and reasons <> '{}' for share)
    insert into held_users (admin_id, username, created_at, state, status, on_hold_duration, on_hold_timeout,
      planned_at)
    select admin_id, ${user.username}, ${user.createdAt}::timestamp, 'planned', ${user.status}, ${user.onHoldDuration}::bigint,
      ${user.onHoldTimeout}::text, clock_timestamp() from hold
    on conflict (name_key(username), created_at) where ended_at is null do update set
      admin_id = excluded.admin_id, state = 'planned', status = excluded.status,
      on_hold_duration = excluded.on_hold_duration, on_hold_timeout = excluded.on_hold_timeout,
      is_unclear = held_users.is_unclear or held_users.state = 'planned',
      planned_at = excluded.planned_at, error_code = null, error = null
    returning *`.execute(db)
  return rows[0] ? toHeldUser(rows[0]) : null
}

/**
 * Notes that the panel has disabled a planned user.
 *
 * @returns false: the user was released meanwhile, or somebody wants it to stay disabled.
 */
export async function noteHeld(db: Database, { id }: Pick<HeldUser, 'id'>): Promise<boolean> {
  const { rows } = await sql<{ id: bigint }>`
    with held as (
      update held_users set state = 'held', error_code = null, error = null
      where id = ${id} and ended_at is null returning id, admin_id
    ), counted as (
      update holds set remaining = greatest(remaining - 1, 0) from held where holds.admin_id = held.admin_id
    )
    select id from held`.execute(db)
  return rows.length > 0
}

/** Notes why the panel has not disabled or enabled a user yet. */
export async function noteFailure(
  db: Database,
  { id }: Pick<HeldUser, 'id'>,
  { code, message }: Reason,
): Promise<void> {
  await db
    .updateTable('held_users')
    .set({ error_code: code, error: message })
    .where('id', '=', id)
    .where('ended_at', 'is', null)
    .execute()
}

/**
 * Ends a row.
 *
 * @param lookAfterMs milliseconds after which the user is looked at once more; null: never.
 */
export async function endHeld(
  db: Database,
  { id, createdAt }: Pick<HeldUser, 'id' | 'createdAt'>,
  state: 'restored' | 'gone' | 'kept',
  lookAfterMs: number | null = null,
): Promise<void> {
  await db
    .updateTable('held_users')
    .set({
      state,
      is_unclear: sql<boolean>`is_unclear or state = 'planned'`,
      ended_at: sql<Date>`clock_timestamp()`,
      error_code: null,
      error: null,
      look_at: inMs(lookAfterMs),
    })
    .where('id', '=', id)
    .where('ended_at', 'is', null)
    // A row that has followed its user to another date meanwhile is about a user that is there.
    .$if(state === 'gone', (query) => query.where('created_at', '=', createdAt))
    .execute()
}

/** Sets when a user that was given back is looked at once more; null: never. */
export async function lookLater(
  db: Database,
  { id }: Pick<HeldUser, 'id'>,
  { afterMs, isUnclear }: { afterMs: number | null; isUnclear: boolean },
): Promise<void> {
  await db
    .updateTable('held_users')
    .set({ look_at: inMs(afterMs), is_unclear: isUnclear })
    .where('id', '=', id)
    .where('state', '=', 'restored')
    .execute()
}

function inMs(ms: number | null) {
  return ms === null ? null : sql<Date>`clock_timestamp() + make_interval(secs => ${ms / 1000})`
}

/** Hands a user over to the account that it was moved to. */
export async function moveHeld(db: Database, { id }: Pick<HeldUser, 'id'>, adminId: bigint): Promise<void> {
  await db
    .updateTable('held_users')
    .set({ admin_id: adminId })
    .where('id', '=', id)
    .where('ended_at', 'is', null)
    .execute()
}

/** One page of an account's users that are not given back yet; `after`: only those with a larger id. */
export async function listHeld(
  db: Database,
  { adminId, after, limit }: { adminId: bigint; after: bigint; limit: number },
): Promise<HeldUser[]> {
  const rows = await db
    .selectFrom('held_users')
    .selectAll()
    .where('admin_id', '=', adminId)
    .where('ended_at', 'is', null)
    .where('id', '>', after)
    .orderBy('id')
    .limit(limit)
    .execute()
  return rows.map(toHeldUser)
}

/**
 * Users of a held account about whom the panel has to be asked: planned ones, and those that the ledger does not see under this
 * account: they are new, or they were deleted or moved.
 */
export async function listUnsettled(db: Database, adminId: bigint): Promise<HeldUser[]> {
  const rows = await db
    .selectFrom('held_users as held')
    .selectAll('held')
    .where('held.admin_id', '=', adminId)
    .where('held.ended_at', 'is', null)
    .where(
      sql<boolean>`(held.state = 'planned' or not exists (
        select from tenures where name_key(tenures.username) = name_key(held.username)
          and tenures.created_at = held.created_at and tenures.ended_at is null
          and tenures.admin_id = held.admin_id))`,
    )
    .orderBy('held.id')
    .execute()
  return rows.map(toHeldUser)
}

/**
 * One page of names of an account's users that are not held, those first that cannot be read or were served when they were last
 * read.
 */
export async function listNotHeld(
  db: Database,
  { adminId, offset, limit }: { adminId: bigint; offset: number; limit: number },
): Promise<string[]> {
  const { rows } = await sql<{ username: string }>`
    select username from (
      select name as username, 0 as place from unreadable_items
      where kind = 'user' and admin_id = ${adminId} and name is not null
      union
      select username, case when status in ('active', 'on_hold') then 1 else 2 end from tenures
      where admin_id = ${adminId} and ended_at is null
        and not exists (select from held_users as held where held.ended_at is null
          and name_key(held.username) = name_key(tenures.username) and held.created_at = tenures.created_at)
    ) as users
    order by place, username offset ${offset} limit ${limit}`.execute(db)
  return rows.map(({ username }) => username)
}

/**
 * Users of an account that are to be looked at once more by now. A time that lies far in the future, since the clock was set back, has
 * come: none is further than four minutes.
 */
export async function listDueLooks(db: Database, adminId: bigint): Promise<HeldUser[]> {
  const rows = await db
    .selectFrom('held_users')
    .selectAll()
    .where('admin_id', '=', adminId)
    .where(sql<boolean>`look_at not between clock_timestamp() and clock_timestamp() + interval '15 minutes'`)
    .orderBy('id')
    .execute()
  return rows.map(toHeldUser)
}

/**
 * Hands a user that was given back over to the hold of the account that it belongs to now. A late request may have disabled it: then
 * it is planned again, unless that hold has it already. Otherwise that hold finds it if it is served.
 */
export async function holdAgain(db: Database, { id }: Pick<HeldUser, 'id'>, adminId: bigint): Promise<void> {
  await sql`
    with free as (
      select id from held_users as held where id = ${id} and is_unclear and not exists (
        select from held_users as other where other.ended_at is null
          and name_key(other.username) = name_key(held.username) and other.created_at = held.created_at)
    )
    update held_users set look_at = null,
      admin_id = case when id in (select id from free) then ${adminId} else admin_id end,
      state = case when id in (select id from free) then 'planned' else state end,
      ended_at = case when id in (select id from free) then null else ended_at end
    where id = ${id} and state = 'restored'`.execute(db)
}

/** Has users of this name stay disabled when their hold ends: somebody has disabled them. */
export async function keepDisabled(db: Database, username: string): Promise<void> {
  await keep(db, sql`name_key(held_users.username) = ${keyOf(username)}`)
}

/** {@link keepDisabled}, for all users of an admin. */
export async function keepAllDisabled(db: Database, admin: string): Promise<void> {
  const account = sql`(select id from admins where name_key(username) = ${keyOf(admin)} and closed_at is null)`
  await keep(db, sql`admin_id = ${account}`)
}

async function keep(db: Database, whom: RawBuilder<unknown>): Promise<void> {
  await sql`
    update held_users set look_at = null,
      state = case when ended_at is null then 'kept' else state end,
      ended_at = coalesce(ended_at, clock_timestamp())
    where ${whom} and (ended_at is null or look_at is not null)`.execute(db)
}

/** Has the held users, and those to be looked at once more, follow their users, whose dates of creation have changed. */
export async function followHeld(tx: Tx, changed: readonly ChangedCreation[]): Promise<void> {
  if (changed.length === 0) return
  await sql`
    update held_users as held set created_at = changed.new
    from ${givenCreations(changed)}
    where name_key(held.username) = name_key(changed.username) and held.created_at = changed.old
      and (held.ended_at is null or held.look_at is not null)
      and not exists (select from held_users as other where other.ended_at is null
        and name_key(other.username) = name_key(changed.username) and other.created_at = changed.new)`.execute(
    tx,
  )
}

function toHeldUser(row: Selectable<HeldUsersTable>): HeldUser {
  return {
    id: row.id,
    adminId: row.admin_id,
    username: row.username,
    createdAt: row.created_at,
    state: row.state,
    status: row.status,
    onHoldDuration: row.on_hold_duration,
    onHoldTimeout: row.on_hold_timeout,
    isUnclear: row.is_unclear || row.state === 'planned',
  }
}
