import { sql } from 'kysely'
import type { Database, Tx } from '../connection/database.ts'
import type { KeyAccess, KeyRole } from '../key-tables.ts'

/** What a key may do, and until when. */
export type KeySettings = {
  name: string
  role: KeyRole
  access: KeyAccess
  /** The account that it acts for; only with the role `admin`. */
  adminId: bigint | null
  /** Null: it does not expire. */
  expiresAt: Date | null
}

/** A key, without anything secret. */
export type ApiKey = KeySettings & {
  id: bigint
  /** The name of the admin that it acts for. */
  admin: string | null
  createdAt: Date
  createdBy: string
  /** To the minute; null: never. */
  lastUsedAt: Date | null
  revokedAt: Date | null
  revokedBy: string | null
}

function keys(db: Database) {
  return db
    .selectFrom('api_keys as key')
    .leftJoin('admins', 'admins.id', 'key.admin_id')
    .select([
      'key.id',
      'key.name',
      'key.role',
      'key.access',
      'key.admin_id as adminId',
      'admins.username as admin',
      'key.created_at as createdAt',
      'key.created_by as createdBy',
      'key.expires_at as expiresAt',
      'key.last_used_at as lastUsedAt',
      'key.revoked_at as revokedAt',
      'key.revoked_by as revokedBy',
    ])
}

/** The key with this id, revoked ones too; null: there is none. */
export async function findKey(db: Database, id: bigint): Promise<ApiKey | null> {
  return (await keys(db).where('key.id', '=', id).executeTakeFirst()) ?? null
}

/**
 * One page of keys, revoked ones too, the latest first.
 *
 * @param page.adminId only keys of this account; left out: all keys.
 * @param page.before only keys with a smaller id.
 */
export async function listKeys(
  db: Database,
  page: { adminId?: bigint; before: bigint | null; limit: number },
): Promise<{ items: ApiKey[]; next: bigint | null }> {
  let query = keys(db)
  if (page.adminId !== undefined) query = query.where('key.admin_id', '=', page.adminId)
  if (page.before !== null) query = query.where('key.id', '<', page.before)
  const rows = await query
    .orderBy('key.id', 'desc')
    .limit(page.limit + 1)
    .execute()
  const items = rows.slice(0, page.limit)
  return { items, next: rows.length > page.limit ? (items.at(-1)?.id ?? null) : null }
}

/**
 * How many keys of an account are not revoked; null: of those without an account. Until the transaction ends, nobody else
 * counts them to make another.
 */
export async function countKeys(tx: Tx, adminId: bigint | null): Promise<number> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`keys of ${adminId}`}, 0))`.execute(tx)
  const { rows } = await sql<{ keys: number }>`
    select count(*)::integer as keys from api_keys
    where admin_id is not distinct from ${adminId} and revoked_at is null`.execute(tx)
  return rows[0]?.keys ?? 0
}

/** Stores a new key. @returns its id; null: it would have expired already. */
export async function insertKey(
  tx: Tx,
  key: KeySettings & { secretHash: Buffer; createdBy: string },
): Promise<bigint | null> {
  const { rows } = await sql<{ id: bigint }>`
    insert into api_keys (name, role, access, admin_id, expires_at, secret_hash, created_by)
    select ${key.name}, ${key.role}, ${key.access}, ${key.adminId}::bigint, ${key.expiresAt}::timestamptz,
      ${key.secretHash}::bytea, ${key.createdBy}
    where coalesce(${key.expiresAt}::timestamptz > clock_timestamp(), true)
    returning id`.execute(tx)
  return rows[0]?.id ?? null
}

/** Revokes a key. @returns false: it was revoked before. */
export async function markRevoked(tx: Tx, id: bigint, by: string): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('api_keys')
    .set({ revoked_at: sql<Date>`clock_timestamp()`, revoked_by: by })
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}
