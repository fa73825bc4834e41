import type { Database } from '../connection/database.ts'
import { type StoredTenure, toTenure } from './tenures.ts'

export type ListedTenure = StoredTenure & { endedAt: Date | null }

/** Tenures of one admin, the oldest first, and the id after which the next page begins; null when this is the last. */
export async function listTenures(
  db: Database,
  page: { adminId: bigint; current: boolean; ended: boolean; after: bigint | null; limit: number },
): Promise<{ tenures: ListedTenure[]; next: bigint | null }> {
  const rows = await db
    .selectFrom('tenures')
    .selectAll()
    .where('admin_id', '=', page.adminId)
    .where('id', '>', page.after ?? 0n)
    .$if(!page.ended, (query) => query.where('ended_at', 'is', null))
    .$if(!page.current, (query) => query.where('ended_at', 'is not', null))
    .orderBy('id')
    .limit(page.limit + 1)
    .execute()
  const tenures = rows.slice(0, page.limit).map((row) => ({ ...toTenure(row), endedAt: row.ended_at }))
  return { tenures, next: rows.length > page.limit ? (tenures.at(-1)?.id ?? null) : null }
}
