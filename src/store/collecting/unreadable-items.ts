import { sql } from 'kysely'
import type { Database, Tx } from '../connection/database.ts'
import { givenTable } from '../connection/given.ts'
import type { Asked } from '../connection/logical-clock.ts'
import { keysOf } from '../connection/name-key.ts'

/** An item of the panel that could not be used, as it is kept: its name is one that the database holds. */
export type UnreadableEntry = {
  kind: 'user' | 'admin'
  /** Null: users of the account, however many, whose names are unknown. */
  name: string | null
  /** The account whose users were being read; null: none. */
  adminId: bigint | null
  /** Why; repeats no value of the panel. */
  reason: string
}

const unreadableEntries = givenTable<UnreadableEntry>('seen', {
  kind: ['text', (entry) => entry.kind],
  name: ['text', (entry) => entry.name],
  admin_id: ['bigint', (entry) => entry.adminId],
  reason: ['text', (entry) => entry.reason],
})

/**
 * Keeps the items of the panel's answer that could not be used.
 *
 * @param asked drawn before the panel was asked.
 * @returns those that were not on the list before.
 */
export async function recordUnreadable(
  db: Database | Tx,
  asked: Asked,
  entries: readonly UnreadableEntry[],
): Promise<UnreadableEntry[]> {
  if (entries.length === 0) return []
  const { rows } = await sql<UnreadableEntry & { isNew: boolean }>`
    insert into unreadable_items (kind, name, admin_id, reason, asked)
    select distinct on (kind, name, case when name is null then admin_id end) kind, name, admin_id, reason, ${asked.tick}
    from ${unreadableEntries(entries)}
    order by kind, name, case when name is null then admin_id end
    on conflict (kind, coalesce(name_key(name), ''), (case when name is null then admin_id else 0 end)) do update set
      reason = excluded.reason,
      admin_id = coalesce(excluded.admin_id, unreadable_items.admin_id),
      asked = greatest(excluded.asked, unreadable_items.asked)
    returning kind, name, admin_id as "adminId", reason, xmax = 0 as "isNew"`.execute(db)
  return rows.filter(({ isNew }) => isNew).map(({ isNew: _, ...entry }) => entry)
}

/** Forgets items that were read well, or are gone, by an answer that was asked for after they were found unreadable. */
export async function forgetUnreadable(
  db: Database | Tx,
  kind: UnreadableEntry['kind'],
  asked: Asked,
  names: readonly string[],
): Promise<void> {
  if (names.length === 0) return
  await db
    .deleteFrom('unreadable_items')
    .where('kind', '=', kind)
    .where(sql`coalesce(name_key(name), '')`, '=', keysOf(names))
    .where('name', 'is not', null)
    .where('asked', '<', asked.tick)
    .execute()
}

/** Forgets what readings before `asked` found in an account's users: a scan has read them all since. */
export async function forgetUnreadableOf(db: Database | Tx, asked: Asked, adminId: bigint): Promise<void> {
  await db
    .deleteFrom('unreadable_items')
    .where('kind', '=', 'user')
    .where('admin_id', '=', adminId)
    .where('asked', '<', asked.tick)
    .execute()
}

/** Forgets the admins that polls before `asked` could not read: this one has seen them all. */
export async function forgetUnreadableAdmins(db: Database | Tx, asked: Asked): Promise<void> {
  await db
    .deleteFrom('unreadable_items')
    .where('kind', '=', 'admin')
    .where('asked', '<', asked.tick)
    .execute()
}

/** Names of unreadable users, the ones found first. */
export async function listUnreadableUsers(db: Database, limit: number, of?: 'no account'): Promise<string[]> {
  const rows = await db
    .selectFrom('unreadable_items')
    .select('name')
    .where('kind', '=', 'user')
    .where('name', 'is not', null)
    .$if(of === 'no account', (query) => query.where('admin_id', 'is', null))
    .orderBy('id')
    .limit(limit)
    .execute()
  return rows.flatMap(({ name }) => name ?? [])
}

/**
 * Users that have been found unreadable by answers that were asked for after `since`, the ones found first.
 *
 * @param adminId only those of this account; null: all.
 */
export async function listUnreadableSince(
  db: Database,
  since: Asked,
  adminId: bigint | null,
  limit: number,
): Promise<UnreadableEntry[]> {
  return db
    .selectFrom('unreadable_items')
    .select(['kind', 'name', 'admin_id as adminId', 'reason'])
    .where('kind', '=', 'user')
    .where('name', 'is not', null)
    .where('asked', '>', since.tick)
    .$if(adminId !== null, (query) => query.where('admin_id', '=', adminId))
    .orderBy('id')
    .limit(limit)
    .execute()
}

export type ListedUnreadable = UnreadableEntry & { since: Date }

/** What cannot be read at present, the latest first, and how much it is in all. */
export async function listUnreadable(
  db: Database,
  limit: number,
): Promise<{ items: ListedUnreadable[]; total: bigint }> {
  const rows = await db
    .selectFrom('unreadable_items')
    .select(['kind', 'name', 'admin_id as adminId', 'reason', 'since'])
    .select(sql<bigint>`count(*) over ()`.as('total'))
    .orderBy('id', 'desc')
    .limit(limit)
    .execute()
  return { items: rows.map(({ total: _, ...item }) => item), total: rows[0]?.total ?? 0n }
}
