import { type Selectable, sql } from 'kysely'
import type { Database } from '../connection/database.ts'
import { prepared, type Statement, statement } from '../connection/together.ts'
import type { ScanRoundTable } from '../tables.ts'

/**
 * The round of scans that is running, or the last one. Times are by the database's clock; where that was set back, a round
 * ends when it began.
 */
export type ScanRound = {
  /** Null: there was none. */
  startedAt: Date | null
  /** Null: it is running, or there was none. */
  finishedAt: Date | null
  /** When everything was last asked to be scanned; null: never. */
  requestedAt: Date | null
  adminsDone: bigint
  adminsTotal: bigint
  usersDone: bigint
  usersTotal: bigint
}

/** How far a round of scans has come. */
export type RoundProgress = { adminsDone: number; adminsTotal: number; usersDone: number; usersTotal: number }

/** A round as its row holds it. */
export function toScanRound(row: Omit<Selectable<ScanRoundTable>, 'id' | 'requested_tick'>): ScanRound {
  return {
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    requestedAt: row.requested_at,
    adminsDone: row.admins_done,
    adminsTotal: row.admins_total,
    usersDone: row.users_done,
    usersTotal: row.users_total,
  }
}

/**
 * Notes that a round begins, and how many admins and users are due.
 *
 * @returns when that was, to the microsecond: only {@link finishRound} reads it.
 */
export async function beginRound(db: Database, due: { admins: number; users: number }): Promise<string> {
  const { begun } = await db
    .updateTable('scan_round')
    .set({
      started_at: sql`clock_timestamp()`,
      finished_at: null,
      admins_done: 0n,
      admins_total: BigInt(due.admins),
      users_done: 0n,
      users_total: BigInt(due.users),
    })
    .returning(sql<string>`extract(epoch from started_at)::text`.as('begun'))
    .executeTakeFirstOrThrow()
  return begun
}

/** Which request for all scans was the last one: a number that is another after each. */
export async function lastRequest(db: Database): Promise<bigint> {
  const { requested_tick: tick } = await db
    .selectFrom('scan_round')
    .select('requested_tick')
    .executeTakeFirstOrThrow()
  return tick
}

/** Notes how far the round has come since `request`. After a later request it begins again from nothing. */
export function reportingRound(db: Database, progress: RoundProgress, request: bigint): Statement<unknown> {
  const updating = db
    .updateTable('scan_round')
    .set({
      admins_done: BigInt(progress.adminsDone),
      admins_total: BigInt(progress.adminsTotal),
      users_done: BigInt(progress.usersDone),
      users_total: BigInt(progress.usersTotal),
    })
    .where('requested_tick', '=', request)
  return prepared(statement(updating))
}

/**
 * Notes that the round is over. One that is over already stays as it is.
 *
 * @param begun the round that is over: another service may have begun the next one. Left out: whichever there is.
 */
export async function finishRound(db: Database, begun?: string): Promise<void> {
  await db
    .updateTable('scan_round')
    .set({ finished_at: sql`greatest(clock_timestamp(), started_at)` })
    .where('started_at', 'is not', null)
    .where('finished_at', 'is', null)
    .$if(begun !== undefined, (query) =>
      query.where(sql`extract(epoch from started_at)`, '=', sql`${begun}::numeric`),
    )
    .execute()
}
