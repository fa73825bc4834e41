import { sql } from 'kysely'
import type { HoldReason } from '../../ledger/hold.ts'

/** How far a hold has come. `total` users have to be disabled, `done` of them are; or `total` have to be enabled again. */
export type HoldFigures = {
  /** Empty: its users are being enabled again. */
  reasons: HoldReason[]
  total: number
  done: number
  /** Users that the panel could not disable or enable yet. */
  failed: number
}

/** {@link HoldFigures} of `admins`, for a query; null: the account is not held. */
export const holdFigures = sql<HoldFigures | null>`(
  select json_build_object('reasons', hold.reasons, 'total', hold.remaining + count(held.id),
    'done', count(*) filter (where held.state = 'held' and hold.reasons <> '{}'),
    'failed', count(*) filter (where held.error is not null))
  from holds as hold left join held_users as held on held.admin_id = hold.admin_id and held.ended_at is null
  where hold.admin_id = admins.id group by hold.admin_id)`
