import { type RawBuilder, type Selectable, sql } from 'kysely'
import type { Database } from '../connection/database.ts'
import type { DeletionKind, DeletionState, DeletionsTable } from '../tables.ts'
import { type Deletion, toDeletion } from './deletion.ts'

/** A caller that may see only some deletions: those of its account, and those that it asked for. */
export type Viewer = { name: string; adminId: bigint | null }

/** One deletion by its id; null when there is none that `viewer` may see. */
export async function findVisibleDeletion(
  db: Database,
  id: bigint,
  viewer: Viewer | null,
): Promise<Deletion | null> {
  const found = db.selectFrom('deletions').selectAll().where('id', '=', id)
  const visible = viewer
    ? found.where(sql<boolean>`(admin_id = ${viewer.adminId} or (${askedBy(viewer)}))`)
    : found
  const row = await visible.executeTakeFirst()
  return row ? toDeletion(row) : null
}

export type DeletionFilter = {
  /** Only deletions that concern this account. */
  adminId?: bigint
  /** Only deletions that this caller may see. */
  visibleTo?: Viewer
  kinds?: DeletionKind[]
  states?: DeletionState[]
  parentId?: bigint
  from?: Date
  to?: Date
  /** The id of the last deletion of the page before: the newest come first. */
  before: bigint | null
  limit: number
}

const allKinds: DeletionKind[] = ['user', 'users', 'admin']
const allStates = Object.keys({
  requested: true,
  preserved: true,
  unknown: true,
  deleted: true,
  failed: true,
  gone: true,
  cancelled: true,
  incomplete: true,
} satisfies Record<DeletionState, true>) as DeletionState[]

/**
 * A page of deletions, the newest first, and the id before which the next one begins; null when this is the last.
 *
 * Each scope, state and kind is walked in an index of its own, no further than the page is long: however many receipts
 * there are of others, or of states not asked for, none of them is read.
 */
export async function listDeletions(
  db: Database,
  filter: DeletionFilter,
): Promise<{ deletions: Deletion[]; next: bigint | null }> {
  const { states = allStates, before, limit } = filter
  // A bulk deletion consists of users.
  const kinds = (filter.kinds ?? allKinds).filter((kind) => filter.parentId === undefined || kind === 'user')
  const above = before === null ? null : await requestedAt(db, before)
  if (before !== null && above === null) return { deletions: [], next: null }
  const within = [sql`true`]
  if (filter.from) within.push(sql`requested_at >= ${filter.from}`)
  if (filter.to) within.push(sql`requested_at < ${filter.to}`)
  if (above !== null) within.push(sql`(requested_at, id) < (${above}::timestamptz, ${before})`)
  const walks = scopesOf(filter).map(
    (scope) => sql`
      select found.id, found.requested_at
      from unnest(${states}::text[]) as wanted_state (name)
      cross join unnest(${kinds}::text[]) as wanted_kind (name)
      cross join lateral (
        select id, requested_at from deletions
        where ${scope} and state = wanted_state.name and kind = wanted_kind.name and ${sql.join(within, sql` and `)}
        order by requested_at desc, id desc limit ${limit + 1}
      ) as found`,
  )
  const { rows } = await sql<Selectable<DeletionsTable>>`
    select deletions.* from (
      select id from (${sql.join(walks, sql` union `)}) as walked
      order by requested_at desc, id desc limit ${limit + 1}
    ) as page
    join deletions using (id)
    order by requested_at desc, id desc`.execute(db)
  const deletions = rows.slice(0, limit).map(toDeletion)
  return { deletions, next: rows.length > limit ? (deletions.at(-1)?.id ?? null) : null }
}

/** Conditions of which a deletion has to meet one; each is the beginning of an index. */
function scopesOf({ adminId, visibleTo, parentId }: DeletionFilter): RawBuilder<unknown>[] {
  const parent = parentId === undefined ? sql`true` : sql`parent_id = ${parentId}`
  const ofAccount = (id: bigint | null) => sql`${parent} and admin_id = ${id}`
  if (!visibleTo) return [adminId === undefined ? parent : ofAccount(adminId)]
  if (adminId !== undefined && adminId === visibleTo.adminId) return [ofAccount(adminId)]
  if (parentId === undefined) {
    const asked = askedBy(visibleTo)
    return adminId === undefined
      ? [ofAccount(visibleTo.adminId), asked]
      : [sql`${ofAccount(adminId)} and ${asked}`]
  }
  // The caller that asked for a bulk deletion asked for each of its users. Of another caller's, none is walked.
  const asked = sql`${parent} and requested_at >= ${openedAt(visibleTo)} and exists (
    select from deletions as bulk where bulk.id = ${parentId} and bulk.requested_by = ${visibleTo.name})`
  return adminId === undefined
    ? [ofAccount(visibleTo.adminId), asked]
    : [sql`${asked} and admin_id = ${adminId}`]
}

/** What was asked for before its account was opened, an earlier admin of the same name has asked for. */
function askedBy(viewer: Viewer): RawBuilder<unknown> {
  return sql`hashtextextended(requested_by, 0) = hashtextextended(${viewer.name}, 0) and requested_by = ${viewer.name}
    and requested_at >= ${openedAt(viewer)}`
}

function openedAt({ adminId }: Viewer): RawBuilder<unknown> {
  return sql`(select first_seen_at from admins where admins.id = ${adminId})`
}

/** When a deletion was asked for, to the microsecond, which a Date has not; null: there is none. */
async function requestedAt(db: Database, id: bigint): Promise<string | null> {
  const row = await db
    .selectFrom('deletions')
    .select(sql<string>`requested_at::text`.as('at'))
    .where('id', '=', id)
    .executeTakeFirst()
  return row?.at ?? null
}
