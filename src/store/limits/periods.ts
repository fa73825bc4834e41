import { sql } from 'kysely'
import type { Database, Tx } from '../connection/database.ts'
import { givenTable } from '../connection/given.ts'

/** A period that has not ended. Traffic is bytes. */
export type StoredPeriod = {
  id: bigint
  adminId: bigint
  startsAt: Date
  /** Null: a prepaid package. */
  endsAt: Date | null
  /** Null: not known before the opening balance of the account is closed. */
  totalAtStart: bigint | null
  granted: bigint
  carried: bigint
}

/** A period as it is opened; `closed`: with its end, if it was missed. */
export type NewPeriod = Omit<StoredPeriod, 'id'> & { closed: PeriodEnd | null }

export type PeriodEnd = {
  endsAt: Date
  totalAtStart: bigint
  totalAtEnd: bigint
  /** What could be used; null: no limit of traffic. */
  allowance: bigint | null
}

type EndedPeriod = PeriodEnd & { id: bigint }

const endedPeriods = givenTable<EndedPeriod>('new', {
  id: ['bigint', (end) => end.id],
  ends_at: ['timestamptz', (end) => end.endsAt],
  total_at_start: ['bigint', (end) => end.totalAtStart],
  total_at_end: ['bigint', (end) => end.totalAtEnd],
  allowance: ['bigint', (end) => end.allowance],
})

/** Closes periods. Their accounts must be locked by the transaction. */
export async function closePeriods(tx: Tx, ends: readonly EndedPeriod[], at: Date): Promise<void> {
  if (ends.length === 0) return
  await sql`
    update limit_periods as period set ends_at = new.ends_at, total_at_start = new.total_at_start,
      total_at_end = new.total_at_end, allowance_at_end = new.allowance, closed_at = ${at}
    from ${endedPeriods(ends)}
    where period.id = new.id`.execute(tx)
}

const newPeriods = givenTable<NewPeriod>('new', {
  place: ['integer', (_, place) => place],
  admin_id: ['bigint', (period) => period.adminId],
  starts_at: ['timestamptz', (period) => period.startsAt],
  ends_at: ['timestamptz', (period) => period.endsAt],
  total_at_start: ['bigint', (period) => period.totalAtStart],
  carried: ['bigint', (period) => period.carried],
  granted: ['bigint', (period) => period.granted],
  total_at_end: ['bigint', (period) => period.closed?.totalAtEnd ?? null],
  allowance: ['bigint', (period) => period.closed?.allowance ?? null],
  is_closed: ['boolean', (period) => period.closed !== null],
})

/** Opens periods, in their order; at most one of an account stays open. Returns the ids of those, by admin. */
export async function openPeriods(
  tx: Tx,
  periods: readonly NewPeriod[],
  at: Date,
): Promise<Map<bigint, bigint>> {
  if (periods.length === 0) return new Map()
  const { rows } = await sql<{ id: bigint; adminId: bigint; closedAt: Date | null }>`
    insert into limit_periods (admin_id, starts_at, ends_at, total_at_start, carried, granted, total_at_end,
      allowance_at_end, closed_at)
    select admin_id, starts_at, ends_at, total_at_start, carried, granted, total_at_end, allowance,
      case when is_closed then ${at}::timestamptz end
    from ${newPeriods(periods)}
    order by place
    returning id, admin_id as "adminId", closed_at as "closedAt"`.execute(tx)
  return new Map(rows.filter(({ closedAt }) => closedAt === null).map(({ adminId, id }) => [adminId, id]))
}

type PeriodStart = { id: bigint; totalAtStart: bigint }

const periodStarts = givenTable<PeriodStart>('new', {
  id: ['bigint', ({ id }) => id],
  total_at_start: ['bigint', ({ totalAtStart }) => totalAtStart],
})

/** From where on periods count that have waited for the opening balance. */
export async function startCounting(tx: Tx, starts: readonly PeriodStart[]): Promise<void> {
  if (starts.length === 0) return
  await sql`
    update limit_periods as period set total_at_start = new.total_at_start
    from ${periodStarts(starts)}
    where period.id = new.id`.execute(tx)
}

/** Moves the end of a period that runs. */
export async function moveEnd(tx: Tx, id: bigint, endsAt: Date | null): Promise<void> {
  await tx.updateTable('limit_periods').set({ ends_at: endsAt }).where('id', '=', id).execute()
}

/** A period with its end, if it has one. */
export type ListedPeriod = StoredPeriod & {
  closedAt: Date | null
  totalAtEnd: bigint | null
  allowanceAtEnd: bigint | null
}

/** One page of an account's periods, the latest first; `before`: only those with a smaller id. */
export async function listPeriods(
  db: Database,
  { adminId, before, limit }: { adminId: bigint; before: bigint | null; limit: number },
): Promise<{ periods: ListedPeriod[]; next: bigint | null }> {
  let query = db
    .selectFrom('limit_periods')
    .select([
      'id',
      'admin_id as adminId',
      'starts_at as startsAt',
      'ends_at as endsAt',
      'total_at_start as totalAtStart',
      'granted',
      'carried',
      'closed_at as closedAt',
      'total_at_end as totalAtEnd',
      'allowance_at_end as allowanceAtEnd',
    ])
    .where('admin_id', '=', adminId)
  if (before !== null) query = query.where('id', '<', before)
  const rows = await query
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .execute()
  const periods = rows.slice(0, limit)
  return { periods, next: rows.length > limit ? (periods.at(-1)?.id ?? null) : null }
}
