import { sql } from 'kysely'
import type { Ticks } from '../../ledger/counter.ts'
import { newsOf, type Tenure, type TenureChange } from '../../ledger/tenure.ts'
import type { TenureEnd } from '../../ledger/tenure-end.ts'
import type { Tx } from '../connection/database.ts'
import { anyGiven, type Columns, givenTable } from '../connection/given.ts'
import type { Asked } from '../connection/logical-clock.ts'
import { prepared, sendLater, statement } from '../connection/together.ts'
import type { StoredTenure } from './tenures.ts'

/**
 * Stores changed tenures in at most five statements: most users have not changed, and of most others only the counter has. A user that
 * another transaction inserted meanwhile violates a unique key, and the transaction is run again.
 *
 * @param asked when what changes them was asked for.
 */
export async function saveTenures(
  tx: Tx,
  changes: readonly TenureChange<StoredTenure>[],
  { tick: asked }: Pick<Asked, 'tick'>,
  at: Date,
): Promise<void> {
  const kept: KeptTenure[] = []
  const ended: KeptTenure[] = []
  const started: Tenure[] = []
  const counters: KeptTenure[] = []
  const sights: KeptTenure[] = []
  const sight = sightIn(changes)
  for (const change of changes) {
    const { before, after } = change
    if (!before) {
      started.push(after)
      continue
    }
    const tenure = { ...after, id: before.id }
    const news = isOf(sight, after) ? newsOf(change) : 'more'
    if (news === 'sight') sights.push(tenure)
    else if (news === 'counter') counters.push(tenure)
    else (after.endedBy === null ? kept : ended).push(tenure)
  }
  // First those that end: a name has one open tenure at a time.
  await updateTenures(tx, ended, asked, at)
  await updateTenures(tx, kept, asked, at)
  await updateCounters(tx, counters, asked, sight)
  await updateSights(tx, sights, asked, sight)
  await insertTenures(tx, started, asked, at)
}

type KeptTenure = Tenure & { id: bigint }

/** What all users of one answer share. */
type Sight = Pick<Tenure, 'answered' | 'seenAt'>

function sightIn(changes: readonly TenureChange[]): Sight {
  const open = changes.find(({ after }) => after.endedBy === null)
  return { answered: open?.after.answered ?? 0n, seenAt: open?.after.seenAt ?? null }
}

function isOf({ answered, seenAt }: Sight, tenure: Tenure): boolean {
  return tenure.answered === answered && tenure.seenAt === seenAt
}

async function updateSights(
  tx: Tx,
  tenures: readonly KeptTenure[],
  asked: bigint,
  sight: Sight,
): Promise<void> {
  if (tenures.length === 0) return
  const updating = sql`
    update tenures set answered = ${sight.answered}, asked = ${asked}, seen_at = ${seenAtOf(sight)}
    where id = ${anyGiven('bigint', idsOf(tenures))}`
  await sendLater(tx, prepared(statement(updating)))
}

const movedCounters = givenTable<KeptTenure>('new', {
  id: ['bigint', ({ id }) => id],
  reading: ['bigint', ({ reading }) => reading],
  counted: ['bigint', ({ counted }) => counted],
})

async function updateCounters(
  tx: Tx,
  tenures: readonly KeptTenure[],
  asked: bigint,
  sight: Sight,
): Promise<void> {
  if (tenures.length === 0) return
  const updating = sql`
    update tenures set reading = new.reading, counted = new.counted,
      answered = ${sight.answered}, asked = ${asked}, seen_at = ${seenAtOf(sight)}
    from ${movedCounters(tenures)}
    where tenures.id = new.id and tenures.id = ${anyGiven('bigint', idsOf(tenures))}`
  await sendLater(tx, prepared(statement(updating)))
}

/** Ended tenures of one status: how many, and the bytes that they counted. */
export type EndedTenures = { status: string; users: number; counted: bigint }

/**
 * Ends all open tenures of an account in one statement, except those of which a reading was asked for since `ticks.asked`; says
 * by status which.
 */
export async function endTenuresOf(
  tx: Tx,
  adminId: bigint,
  by: TenureEnd,
  ticks: Ticks,
  at: Date,
): Promise<EndedTenures[]> {
  const { rows } = await sql<{ status: string; users: bigint; counted: bigint }>`
    with ended as (
      update tenures set ended_at = ${at}, ended_by = ${by}, answered = ${ticks.answered}, reset_pending = false,
        -- When the last complete scan saw it, if nobody has since.
        seen_at = coalesce((
          select scan_seen_at from cumulative_traffic as account
          where account.admin_id = tenures.admin_id and tenures.answered < account.scanned
        ), seen_at)
      where id = any(array(
        select id from tenures where admin_id = ${adminId} and ended_at is null and asked < ${ticks.asked}
        order by id for no key update
      ))
      returning status, counted
    )
    select status, count(*) as users, sum(counted)::bigint as counted from ended group by status`.execute(tx)
  return rows.map((row) => ({ ...row, users: Number(row.users) }))
}

/** What is stored of each tenure that begins, and of each that changes in more than its counter. */
const tenureColumns: Columns<Tenure> = {
  created_at: ['timestamp', (t) => t.createdAt],
  former_created_at: ['timestamp', (t) => t.formerCreatedAt],
  reading: ['bigint', (t) => t.reading],
  counted: ['bigint', (t) => t.counted],
  answered: ['bigint', (t) => t.answered],
  status: ['text', (t) => t.status],
  data_limit: ['bigint', (t) => t.dataLimit],
  expire: ['bigint', (t) => t.expire],
  ended_by: ['text', (t) => t.endedBy],
  seen_at: ['timestamptz', seenAtOf],
}

const changedTenures = givenTable<KeptTenure>('new', {
  ...tenureColumns,
  id: ['bigint', (t) => t.id],
  reset_pending: ['boolean', (t) => t.resetPending],
  fell_from: ['bigint', (t) => t.fall?.from ?? null],
  fell_to: ['bigint', (t) => t.fall?.to ?? null],
})

async function updateTenures(tx: Tx, tenures: readonly KeptTenure[], asked: bigint, at: Date): Promise<void> {
  if (tenures.length === 0) return
  const updating = sql`
    update tenures set
      reading = new.reading, counted = new.counted, answered = new.answered, status = new.status,
      data_limit = new.data_limit, expire = new.expire, ended_by = new.ended_by,
      reset_pending = new.reset_pending, asked = ${asked}, created_at = new.created_at,
      former_created_at = new.former_created_at, seen_at = new.seen_at,
      fell_from = new.fell_from, fell_to = new.fell_to,
      ended_at = case when new.ended_by is not null then coalesce(tenures.ended_at, ${at}) end
    from ${changedTenures(tenures)}
    where tenures.id = new.id and tenures.id = ${anyGiven('bigint', idsOf(tenures))}`
  await sendLater(tx, prepared(statement(updating)))
}

const newTenures = givenTable<Tenure>('new', {
  username: ['text', (t) => t.username],
  admin_id: ['bigint', (t) => t.adminId],
  ...tenureColumns,
})

const newColumns = sql.raw(['username', 'admin_id', ...Object.keys(tenureColumns)].join())

async function insertTenures(tx: Tx, tenures: readonly Tenure[], asked: bigint, at: Date): Promise<void> {
  if (tenures.length === 0) return
  const inserting = sql`
    insert into tenures (${newColumns}, asked, ended_at)
    select ${newColumns}, ${asked}, case when ended_by is not null then ${at}::timestamptz end
    from ${newTenures(tenures)}
    order by new.username, new.created_at`
  await sendLater(tx, prepared(statement(inserting)))
}

function idsOf(tenures: readonly KeptTenure[]): bigint[] {
  return tenures.map(({ id }) => id)
}

function seenAtOf({ seenAt }: Pick<Tenure, 'seenAt'>): Date | null {
  return seenAt === null ? null : new Date(seenAt)
}
