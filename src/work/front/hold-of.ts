import type { Database } from '../../store/connection/database.ts'
import { findHold } from '../../store/holds/holds.ts'
import { readLimits } from '../../store/limits/limits.ts'
import { limitStatusOf } from '../limits/limit-status.ts'
import type { HoldNotice } from './hold-notice.ts'

/** Why an account is held, for its admin; null: it is not. Of an account that is not held, one indexed read. */
export async function holdOf(db: Database, adminId: bigint): Promise<HoldNotice | null> {
  const hold = await findHold(db, adminId)
  if (!hold || hold.reasons.length === 0) return null
  const running = (await readLimits(db, [adminId])).get(adminId)
  const nothing = { used: 0n, allowance: null, endsAt: null, validUntil: null, timezone: null }
  if (!running) return { reasons: hold.reasons, ...nothing }
  const { used, allowance } = limitStatusOf(running.figures, running.total, running.hold)
  return {
    reasons: hold.reasons,
    used,
    allowance,
    endsAt: running.period.endsAt,
    validUntil: running.limit.validUntil,
    timezone: running.limit.period?.timezone ?? null,
  }
}
