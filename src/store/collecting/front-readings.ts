import { sql } from 'kysely'
import type { Database } from '../connection/database.ts'
import { prepared, type Statement, statement } from '../connection/together.ts'
import { sessionIsAlive } from '../connection/worker-session.ts'
import type { FrontPurpose } from '../tables.ts'

/** How many rows are kept. */
const keptAtMost = 20

/** Users that are, or were, read before a call of the front is forwarded. */
export type FrontReading = {
  purpose: FrontPurpose
  /** Whose users; null: all. */
  username: string | null
  startedAt: Date
  finishedAt: Date | null
  /** Whether they are being read now; false without a `finishedAt`: the service that read them was killed. */
  running: boolean
  usersDone: bigint
  /** Null: the panel has not said yet. */
  usersTotal: bigint | null
}

/** Notes that users begin to be read. */
export async function beginFrontReading(
  db: Database,
  reading: { purpose: FrontPurpose; username: string | null; worker: string },
): Promise<bigint> {
  await sql`
    delete from front_readings
    where id <= (select id from front_readings order by id desc offset ${keptAtMost} limit 1)`.execute(db)
  const { id } = await db
    .insertInto('front_readings')
    .values(reading)
    .returning('id')
    .executeTakeFirstOrThrow()
  return id
}

/** Notes how many of how many have been read. */
export function reportingFrontReading(
  db: Database,
  id: bigint,
  { done, total }: { done: number; total: number },
): Statement<unknown> {
  const updating = db
    .updateTable('front_readings')
    .set({ users_done: BigInt(done), users_total: BigInt(total) })
    .where('id', '=', id)
  return prepared(statement(updating))
}

/** Notes that the reading is over, whether all were read or not. */
export async function finishFrontReading(db: Database, id: bigint): Promise<void> {
  await db
    .updateTable('front_readings')
    .set({ finished_at: sql`greatest(clock_timestamp(), started_at)` })
    .where('id', '=', id)
    .execute()
}

/** The latest ones, the newest first. */
export async function listFrontReadings(db: Database): Promise<FrontReading[]> {
  const { rows } = await sql<FrontReading>`
    select purpose, username, started_at as "startedAt", finished_at as "finishedAt",
      finished_at is null and ${sql.raw(sessionIsAlive)} as running,
      users_done as "usersDone", users_total as "usersTotal"
    from front_readings order by id desc limit ${keptAtMost}`.execute(db)
  return rows
}
