import { sql } from 'kysely'
import type { Database } from '../connection/database.ts'
import { type PanelPoll, toPanelPoll } from './panel-poll.ts'
import { type ScanRound, toScanRound } from './scan-round.ts'

/** How poll and scans stand at one moment. */
export type CollectorState = {
  poll: PanelPoll
  round: ScanRound
  /** Whether a poll has been asked for that no answer has followed yet. */
  pollPending: boolean
  /** Accounts whose users are to be read, and have not begun to be. */
  scansPending: bigint
}

/**
 * Reads all of it in one statement: of two, the first could see a round that has not begun, and the second the scans that it
 * has begun meanwhile; then nothing would seem to be pending or running.
 */
export async function readCollectorState(db: Database): Promise<CollectorState> {
  const row = await db
    .selectFrom('panel_poll as poll')
    .crossJoin('scan_round as round')
    .select([
      'asked_at',
      'answered_at',
      'succeeded_asked_at',
      'admins',
      'has_admin_usage',
      'error_code',
      'error',
      'started_at',
      'finished_at',
      'requested_at',
      'admins_done',
      'admins_total',
      'users_done',
      'users_total',
      sql<boolean>`requested_tick > asked_tick
        or (error_code is not null and coalesce(requested_at > coalesce(succeeded_asked_at, '-infinity'), false))`.as(
        'pollPending',
      ),
      sql<bigint>`(
        select count(*) from scans join admins on admins.id = admin_id and closed_at is null
        where scans.requested_at is not null or scans.started_at is null
      )`.as('scansPending'),
    ])
    .executeTakeFirstOrThrow()
  const { pollPending, scansPending } = row
  return { poll: toPanelPoll(row), round: toScanRound(row), pollPending, scansPending }
}
