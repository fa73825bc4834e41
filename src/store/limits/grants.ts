import { type Selectable, sql } from 'kysely'
import type { Database, Tx } from '../connection/database.ts'
import type { LimitGrantsTable } from '../limit-tables.ts'

/** Bytes added to the allowance of one period; a correction takes some away. */
export type Grant = {
  id: bigint
  periodId: bigint
  bytes: bigint
  note: string | null
  /** The operator's own name of it, unique in the account. */
  reference: string | null
  createdAt: Date
  createdBy: string
  revokedAt: Date | null
  revokedBy: string | null
}

export type NewGrant = Pick<Grant, 'periodId' | 'bytes' | 'note' | 'reference' | 'createdAt' | 'createdBy'>

/** Stores a grant and adds it to its period. The account must be locked by the transaction. */
export async function insertGrant(tx: Tx, adminId: bigint, grant: NewGrant): Promise<Grant> {
  const row = await tx
    .insertInto('limit_grants')
    .values({
      admin_id: adminId,
      period_id: grant.periodId,
      bytes: grant.bytes,
      note: grant.note,
      reference: grant.reference,
      created_at: grant.createdAt,
      created_by: grant.createdBy,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
  await addToPeriod(tx, grant.periodId, grant.bytes)
  return toGrant(row)
}

/** Revokes a grant and takes it out of its period. The account must be locked by the transaction. */
export async function revokeGrant(tx: Tx, grant: Grant, at: Date, by: string): Promise<Grant> {
  await tx
    .updateTable('limit_grants')
    .set({ revoked_at: at, revoked_by: by })
    .where('id', '=', grant.id)
    .execute()
  await addToPeriod(tx, grant.periodId, -grant.bytes)
  return { ...grant, revokedAt: at, revokedBy: by }
}

async function addToPeriod(tx: Tx, periodId: bigint, bytes: bigint): Promise<void> {
  await tx
    .updateTable('limit_periods')
    .set({ granted: sql<bigint>`granted + ${bytes}` })
    .where('id', '=', periodId)
    .execute()
}

/** The grant of an account with this id, or with this reference; null: there is none. */
export async function findGrant(
  db: Database,
  adminId: bigint,
  by: { id: bigint } | { reference: string },
): Promise<Grant | null> {
  const query = db.selectFrom('limit_grants').selectAll().where('admin_id', '=', adminId)
  const row = await ('id' in by
    ? query.where('id', '=', by.id)
    : query.where('reference', '=', by.reference)
  ).executeTakeFirst()
  return row ? toGrant(row) : null
}

/** One page of an account's grants, the latest first; `before`: only those with a smaller id. */
export async function listGrants(
  db: Database,
  { adminId, before, limit }: { adminId: bigint; before: bigint | null; limit: number },
): Promise<{ grants: Grant[]; next: bigint | null }> {
  let query = db.selectFrom('limit_grants').selectAll().where('admin_id', '=', adminId)
  if (before !== null) query = query.where('id', '<', before)
  const rows = await query
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .execute()
  const grants = rows.slice(0, limit).map(toGrant)
  return { grants, next: rows.length > limit ? (grants.at(-1)?.id ?? null) : null }
}

function toGrant(row: Selectable<LimitGrantsTable>): Grant {
  return {
    id: row.id,
    periodId: row.period_id,
    bytes: row.bytes,
    note: row.note,
    reference: row.reference,
    createdAt: row.created_at,
    createdBy: row.created_by,
    revokedAt: row.revoked_at,
    revokedBy: row.revoked_by,
  }
}
