import { type Selectable, sql } from 'kysely'
import type { Database, Tx } from '../connection/database.ts'
import type { Asked } from '../connection/logical-clock.ts'
import type { PanelPollTable } from '../tables.ts'

export type PanelPoll = Selectable<PanelPollTable>

/** How the last poll of all admins went. */
export async function readPanelPoll(db: Database): Promise<PanelPoll> {
  return db.selectFrom('panel_poll').selectAll().executeTakeFirstOrThrow()
}

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
      answered_at: sql`clock_timestamp()`,
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
export async function recordPollFailure(
  db: Database,
  asked: Asked,
  error: { code: string; message: string },
): Promise<boolean> {
  const { rows } = await sql<{ was: string | null }>`
    update panel_poll as poll
    set asked_tick = ${asked.tick}, asked_at = ${asked.at}, answered_at = clock_timestamp(), error_code = ${error.code}, error = ${error.message}
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
