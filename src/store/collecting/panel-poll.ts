import { type Selectable, sql } from 'kysely'
import type { Database, Tx } from '../connection/database.ts'
import type { Asked } from '../connection/logical-clock.ts'
import { type Reason, toReason } from '../connection/reason.ts'
import type { PanelPollTable } from '../tables.ts'

/** The last poll of all admins. Times are by the database's clock; null: there was none. */
export type PanelPoll = {
  askedAt: Date | null
  answeredAt: Date | null
  /** When the last poll was asked for that the panel answered as it should. */
  succeededAskedAt: Date | null
  /** How many admins it found. */
  admins: bigint | null
  /** Whether the panel counts its admins' traffic; null: it has not shown yet. */
  hasAdminUsage: boolean | null
  /** Why it failed; null: it did not. */
  error: Reason | null
}

/** How the last poll of all admins went. */
export async function readPanelPoll(db: Database): Promise<PanelPoll> {
  return toPanelPoll(await db.selectFrom('panel_poll').selectAll().executeTakeFirstOrThrow())
}

/** A poll as its row holds it. */
export function toPanelPoll(row: Omit<Selectable<PanelPollTable>, 'id' | 'asked_tick'>): PanelPoll {
  return {
    askedAt: row.asked_at,
    answeredAt: row.answered_at,
    succeededAskedAt: row.succeeded_asked_at,
    admins: row.admins,
    hasAdminUsage: row.has_admin_usage,
    error: toReason(row.error_code, row.error),
  }
}

/** Never before it was asked, also where the clock was set back in between. */
const answeredNow = ({ at }: Asked) => sql<Date>`greatest(clock_timestamp(), ${at}::timestamptz)`

/** Notes a poll that was answered, unless one asked for later has been noted already. */
export async function recordPoll(
  tx: Tx,
  asked: Asked,
  poll: { admins: number; hasAdminUsage: boolean | null },
): Promise<void> {
  await tx
    .updateTable('panel_poll')
    .set({
      asked_tick: asked.tick,
      asked_at: asked.at,
      answered_at: answeredNow(asked),
      succeeded_asked_at: asked.at,
      admins: BigInt(poll.admins),
      has_admin_usage: poll.hasAdminUsage,
      error_code: null,
      error: null,
    })
    .where('asked_tick', '<', asked.tick)
    .execute()
}

/** Notes why the panel could not be polled. Returns whether this is news: a failure after a success, or of another kind. */
export async function recordPollFailure(db: Database, asked: Asked, error: Reason): Promise<boolean> {
  const { rows } = await sql<{ was: string | null }>`
    update panel_poll as poll
    set asked_tick = ${asked.tick}, asked_at = ${asked.at}, answered_at = ${answeredNow(asked)}, error_code = ${error.code}, error = ${error.message}
    from (select error_code as was from panel_poll for update) as before
    where poll.asked_tick < ${asked.tick}
    returning before.was`.execute(db)
  return rows.length > 0 && rows[0]?.was !== error.code
}

/** How long ago, in seconds, the panel was last polled; negative if the clock was set back since, null if never. */
export async function secondsSincePoll(db: Database): Promise<number | null> {
  const { rows } = await sql<{ seconds: number | null }>`
    select extract(epoch from clock_timestamp() - asked_at)::float8 as seconds from panel_poll`.execute(db)
  return rows[0]?.seconds ?? null
}
