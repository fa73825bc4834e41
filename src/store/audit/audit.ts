import { type SqlBool, sql } from 'kysely'
import type { Database, Tx } from '../connection/database.ts'
import { fromExactJson, toExactJson } from '../connection/exact-json.ts'
import type { AuditAction } from '../key-tables.ts'

/** What something was or is: the names and values of the API. Integers are bigint or number. Never a secret. */
export type AuditState = Readonly<Record<string, unknown>>

export type AuditChange = {
  /** The name of the caller in the audit trail, from `auditName`. */
  caller: string
  action: AuditAction
  /** The account that it is about; null: none. */
  adminId: bigint | null
  /** Null: there was nothing. */
  before: AuditState | null
  /** Null: there is nothing any more. */
  after: AuditState | null
}

/** Writes who has changed what, in the transaction of the change: there is no change without its row. */
export async function writeAudit(tx: Tx, change: AuditChange): Promise<void> {
  const { caller, action, adminId, before, after } = change
  await sql`
    insert into audit (caller, action, admin_id, before, after)
    values (${caller}, ${action}, ${adminId}, ${before && toExactJson(before)}::jsonb,
      ${after && toExactJson(after)}::jsonb)`.execute(tx)
}

/** A change as it was written; its states are ready for `JSON.stringify`, to the digit. */
export type AuditRow = AuditChange & { id: bigint; at: Date }

export type AuditPage = {
  /** Only changes about this account. */
  adminId?: bigint
  actions?: readonly AuditAction[]
  /** Only changes at or after this time. */
  from?: Date
  /** Only changes before this time. */
  to?: Date
  /** Only those with a smaller id; null: from the latest on. */
  before: bigint | null
  limit: number
}

/** One page of changes, the latest first. */
export async function listAudit(
  db: Database,
  { adminId, actions, from, to, before, limit }: AuditPage,
): Promise<{ items: AuditRow[]; next: bigint | null }> {
  let query = db
    .selectFrom('audit')
    .select(['id', 'changed_at as at', 'caller', 'action', 'admin_id as adminId'])
    .select([sql<string | null>`before::text`.as('before'), sql<string | null>`after::text`.as('after')])
  if (adminId !== undefined) query = query.where('admin_id', '=', adminId)
  if (actions) query = query.where(sql<SqlBool>`action = any(${[...actions]})`)
  if (from) query = query.where('changed_at', '>=', from)
  if (to) query = query.where('changed_at', '<', to)
  if (before !== null) query = query.where('id', '<', before)
  const rows = await query
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .execute()
  const items = rows.slice(0, limit).map((row) => ({
    ...row,
    before: row.before === null ? null : fromExactJson(row.before),
    after: row.after === null ? null : fromExactJson(row.after),
  }))
  return { items, next: rows.length > limit ? (items.at(-1)?.id ?? null) : null }
}
