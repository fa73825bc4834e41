import { sql } from 'kysely'
import type { Crossing } from '../../ledger/limit.ts'
import type { Database, Tx } from '../connection/database.ts'
import { givenTable } from '../connection/given.ts'

/** Something that an account has crossed; `threshold`: percent of a warning, 100 for the others. */
export type NewCrossing = {
  adminId: bigint
  periodId: bigint
  version: bigint
  kind: Crossing['kind']
  threshold: number
  total: bigint
}

const newCrossings = givenTable<NewCrossing>('seen', {
  place: ['integer', (_, place) => place],
  admin_id: ['bigint', ({ adminId }) => adminId],
  period_id: ['bigint', ({ periodId }) => periodId],
  version: ['bigint', ({ version }) => version],
  kind: ['text', ({ kind }) => kind],
  threshold: ['integer', ({ threshold }) => threshold],
  total: ['bigint', ({ total }) => total],
})

/** Stores what is crossed, each crossing once and for all. Returns the new ones: only these are announced. */
export async function recordCrossings<C extends NewCrossing>(
  tx: Tx,
  crossings: readonly C[],
  at: Date,
): Promise<C[]> {
  if (crossings.length === 0) return []
  const { rows } = await sql<{ place: number }>`
    with seen as (
      select * from ${newCrossings(crossings)}
    ), recorded as (
      insert into limit_crossings (admin_id, period_id, version, kind, threshold, total, crossed_at)
      select admin_id, period_id, version, kind, threshold, total, ${at} from seen order by place
      on conflict do nothing
      returning period_id, version, kind, threshold
    )
    select place from seen join recorded using (period_id, version, kind, threshold) order by place`.execute(
    tx,
  )
  return rows.flatMap(({ place }) => crossings[place] ?? [])
}

/** When a limit has to be judged again: at a total, at a time, or not before something else changes. */
export type JudgedNext = { adminId: bigint; total: bigint | null; time: Date | null }

const judgedNext = givenTable<JudgedNext>('new', {
  admin_id: ['bigint', ({ adminId }) => adminId],
  total: ['bigint', ({ total }) => total],
  time: ['timestamptz', ({ time }) => time],
})

/** Stores when limits have to be judged again. The accounts must be locked by the transaction. */
export async function saveJudgedNext(tx: Tx, next: readonly JudgedNext[]): Promise<void> {
  if (next.length === 0) return
  await sql`
    update cumulative_traffic as account set judge_total = new.total, judge_time = new.time
    from ${judgedNext(next)}
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
