import { sql } from 'kysely'
import type { Crossing } from '../../ledger/limit.ts'
import type { Database, Tx } from '../connection/database.ts'

/** Something that an account has crossed; `threshold`: percent of a warning, 100 for the others. */
export type NewCrossing = {
  adminId: bigint
  periodId: bigint
  version: bigint
  kind: Crossing['kind']
  threshold: number
  total: bigint
}

/** Stores what is crossed, each crossing once and for all. Returns the new ones: only these are announced. */
export async function recordCrossings<C extends NewCrossing>(
  tx: Tx,
  crossings: readonly C[],
  at: Date,
): Promise<C[]> {
  if (crossings.length === 0) return []
  const { rows } = await sql<{ place: bigint }>`
    with seen as (
      select * from unnest(
        ${crossings.map((crossing) => crossing.adminId)}::bigint[],
        ${crossings.map((crossing) => crossing.periodId)}::bigint[],
        ${crossings.map((crossing) => crossing.version)}::bigint[],
        ${crossings.map((crossing) => crossing.kind)}::text[],
        ${crossings.map((crossing) => crossing.threshold)}::integer[],
        ${crossings.map((crossing) => crossing.total)}::bigint[]
      ) with ordinality as seen (admin_id, period_id, version, kind, threshold, total, place)
    ), recorded as (
      insert into limit_crossings (admin_id, period_id, version, kind, threshold, total, crossed_at)
      select admin_id, period_id, version, kind, threshold, total, ${at} from seen order by place
      on conflict do nothing
      returning period_id, version, kind, threshold
    )
    select place from seen join recorded using (period_id, version, kind, threshold) order by place`.execute(
    tx,
  )
  return rows.flatMap(({ place }) => crossings[Number(place) - 1] ?? [])
}

/** When a limit has to be judged again: at a total, at a time, or not before something else changes. */
export type JudgedNext = { adminId: bigint; total: bigint | null; time: Date | null }

/** Stores when limits have to be judged again. The accounts must be locked by the transaction. */
export async function saveJudgedNext(tx: Tx, next: readonly JudgedNext[]): Promise<void> {
  if (next.length === 0) return
  await sql`
    update cumulative_traffic as account set judge_total = new.total, judge_time = new.time
    from unnest(${next.map((n) => n.adminId)}::bigint[], ${next.map((n) => n.total)}::bigint[],
      ${next.map((n) => n.time)}::timestamptz[]) as new (admin_id, total, time)
    where account.admin_id = new.admin_id`.execute(tx)
}

/** Accounts that are not closed and whose limits are due by the database's clock; `after`: only those with a larger id. */
export async function listDueLimits(
  db: Database,
  { after, limit }: { after: bigint; limit: number },
): Promise<bigint[]> {
  const rows = await db
    .selectFrom('cumulative_traffic as account')
    .innerJoin('admins', 'admins.id', 'account.admin_id')
    .select('account.admin_id as adminId')
    .where('account.judge_time', '<=', sql<Date>`clock_timestamp()`)
    .where('account.admin_id', '>', after)
    .where('admins.closed_at', 'is', null)
    .orderBy('account.admin_id')
    .limit(limit)
    .execute()
  return rows.map(({ adminId }) => adminId)
}
