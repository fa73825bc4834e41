import type { AuditState } from '../../store/audit/audit.ts'
import type { Grant } from '../../store/limits/grants.ts'
import type { LimitSettings } from '../../store/limits/limit-settings.ts'
import type { RunningLimit } from '../../store/limits/limits.ts'

/** A limit in the audit trail. */
export function limitState(limit: LimitSettings): AuditState {
  const { period } = limit
  return {
    traffic_limit: limit.trafficLimit,
    count_from: limit.countFrom,
    period: period && { unit: period.unit, anchor_day: period.anchorDay, timezone: period.timezone },
    carry_over: limit.carryOver,
    valid_until: limit.validUntil,
    warn_at: limit.warnAt,
    on_exceed: limit.onExceed,
  }
}

/** A grant in the audit trail. */
export function grantState(grant: Grant): AuditState {
  return {
    id: grant.id,
    period_id: grant.periodId,
    bytes: grant.bytes,
    note: grant.note,
    reference: grant.reference,
  }
}

/** The period that runs, in the audit trail. */
export function periodState({ period, total }: RunningLimit): AuditState {
  return {
    id: period.id,
    starts_at: period.startsAt,
    ends_at: period.endsAt,
    used: period.totalAtStart === null ? null : total - period.totalAtStart,
    carried: period.carried,
    granted: period.granted,
  }
}
