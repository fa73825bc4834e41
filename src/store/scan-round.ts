import { type Selectable, sql } from 'kysely'
import type { Database } from './database.ts'
import type { ScanRoundTable } from './tables.ts'

export type ScanRound = Selectable<ScanRoundTable>

/** How far a round of scans has come. */
export type RoundProgress = { adminsDone: number; adminsTotal: number; usersDone: number; usersTotal: number }

/** The round of scans that is running, or the last one. */
export async function readScanRound(db: Database): Promise<ScanRound> {
  return db.selectFrom('scan_round').selectAll().executeTakeFirstOrThrow()
}

/** Notes that a round begins. */
export async function beginRound(db: Database): Promise<void> {
  await db.updateTable('scan_round').set({ started_at: sql`clock_timestamp()`, finished_at: null }).execute()
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

/** Notes that the round is over. */
export async function finishRound(db: Database): Promise<void> {
  await db.updateTable('scan_round').set({ finished_at: sql`clock_timestamp()` }).execute()
}
