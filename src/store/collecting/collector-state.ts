import { sql } from 'kysely'
import type { Database } from '../connection/database.ts'
import { type PanelPoll, toPanelPoll } from './panel-poll.ts'
import { type ScanRound, toScanRound } from './scan-round.ts'

/** How poll and scans stand at one moment. */
export type CollectorState = {
  poll: PanelPoll
  /** Once another round has to come, the last one is not shown: nobody takes its end for that of the next. */
  round: ScanRound
  /** Whether something that was asked for is not read yet. */
  isUnderWay: boolean
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
      sql<bigint>`(select count(*) ${waiting})`.as('scansPending'),
      sql<bigint>`(select coalesce(sum(scans.users_total), 0)::bigint ${waiting})`.as('usersPending'),
    ])
    .executeTakeFirstOrThrow()
  const { pollPending, scansPending, usersPending } = row
  const last = toScanRound(row)
  const runs = last.startedAt !== null && last.finishedAt === null
  const isUnderWay = runs || pollPending || scansPending > 0n
  const round = runs || !isUnderWay ? last : toComing(last, scansPending, usersPending)
  return { poll: toPanelPoll(row), round, isUnderWay, pollPending, scansPending }
}

/** The round that comes after `last`. Without admins to read, only the poll is waited for. */
function toComing(last: ScanRound, admins: bigint, users: bigint): ScanRound {
  const coming = { ...last, startedAt: null, finishedAt: null }
  if (admins === 0n) return coming
  return { ...coming, adminsDone: 0n, adminsTotal: admins, usersDone: 0n, usersTotal: users }
}

/** Scans that have not begun since they were asked for. */
const waiting = sql`
  from scans join admins on admins.id = admin_id and closed_at is null
  where scans.requested_at is not null or scans.started_at is null`
