import { sql } from 'kysely'
import type { Database } from '../connection/database.ts'
import { anyGiven } from '../connection/given.ts'
import { prepareQuery } from '../connection/prepared-statements.ts'
import type { KeyAccess, KeyRole } from '../key-tables.ts'

/** What decides about a request with a key. */
export type PresentedKey = {
  id: bigint
  role: KeyRole
  access: KeyAccess
  secretHash: Buffer
  /** Neither revoked nor expired. */
  isValid: boolean
  /** Whether its last use was noted so long ago that this one has to be. */
  isUseDue: boolean
  /** The account that it acts for, and the name of its admin; null: none. */
  adminId: bigint | null
  admin: string | null
  /** When that account was closed, and since when the panel no longer has that admin; null: it is open, it has it. */
  closedAt: Date | null
  missingSince: Date | null
}

/** The keys with these ids, in no order, by one statement; an id that no key has is left out. */
export async function findPresentedKeys(db: Database, ids: readonly bigint[]): Promise<PresentedKey[]> {
  const { rows } = await db.executeQuery(keysById(db, [ids]))
  return rows
}

/** A clock that was set back must not stop the notes. */
const isUseDue = sql<boolean>`coalesce(
  key.last_used_at not between clock_timestamp() - interval '1 minute' and clock_timestamp(), true)`

const keysById = prepareQuery('keys_by_id', (db: Database) =>
  db
    .selectFrom('api_keys as key')
    .leftJoin('admins', 'admins.id', 'key.admin_id')
    .select([
      'key.id',
      'key.role',
      'key.access',
      'key.secret_hash as secretHash',
      'key.admin_id as adminId',
      'admins.username as admin',
      'admins.closed_at as closedAt',
      'admins.missing_since as missingSince',
      sql<boolean>`key.revoked_at is null and coalesce(key.expires_at > clock_timestamp(), true)`.as(
        'isValid',
      ),
      isUseDue.as('isUseDue'),
    ])
    .where('key.id', '=', anyGiven('bigint', [0n])),
)

/** Notes that keys are used now, each at most once a minute, locked in the order of their ids. */
export async function noteKeysUsed(db: Database, ids: readonly bigint[]): Promise<void> {
  await sql`
    update api_keys set last_used_at = clock_timestamp()
    where id = any(array(
      select id from api_keys as key where id = any(${[...ids]}::bigint[]) and ${isUseDue} order by id for update
    ))`.execute(db)
}
