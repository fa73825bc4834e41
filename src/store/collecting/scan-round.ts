import { type Selectable, sql } from 'kysely'
import type { Database } from '../connection/database.ts'
import type { ScanRoundTable } from '../tables.ts'

export type ScanRound = Selectable<ScanRoundTable>

/** How far a round of scans has come. */
export type RoundProgress = { adminsDone: number; adminsTotal: number; usersDone: number; usersTotal: number }

/** The round of scans that is running, or the last one. */
export async function readScanRound(db: Database): Promise<ScanRound> {
  return db.selectFrom('scan_round').selectAll().executeTakeFirstOrThrow()
}

/** Notes that a round begins, and how many admins and users are due. */
export async function beginRound(db: Database, due: { admins: number; users: number }): Promise<void> {
  await db
    .updateTable('scan_round')
    .set({
      started_at: sql`clock_timestamp()`,
      finished_at: null,
      admins_done: 0n,
      admins_total: BigInt(due.admins),
      users_done: 0n,
      users_total: BigInt(due.users),
    })
    .execute()
}

/** Which request for all scans was the last one: a number that is another after each. */
export async function lastRequest(db: Database): Promise<bigint> {
  const { requested_tick: tick } = await db
    .selectFrom('scan_round')
    .select('requested_tick')
    .executeTakeFirstOrThrow()
  return tick
}

/** Notes how far the round has come. */
export async function reportRound(db: Database, progress: RoundProgress): Promise<void> {
  await db
    .updateTable('scan_round')
    .set({
      admins_done: BigInt(progress.adminsDone),
      admins_total: BigInt(progress.adminsTotal),
      users_done: BigInt(progress.usersDone),
      users_total: BigInt(progress.usersTotal),
    })
    .execute()
}

/** Notes that the round is over. One that is over already stays as it is. */
export async function finishRound(db: Database): Promise<void> {
  await db
    .updateTable('scan_round')
    .set({ finished_at: sql`clock_timestamp()` })
    .where('started_at', 'is not', null)
    .where('finished_at', 'is', null)
    .execute()
}
