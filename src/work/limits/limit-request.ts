import { type FieldError, LedgerError } from '../../errors.ts'
import type { PeriodRule } from '../../ledger/period.ts'
import type { LimitSettings } from '../../store/limits/limit-settings.ts'
import { isZone, nearestZones, zoneInItsSpelling } from './zones.ts'

/** What a caller asks a limit to be. Fields have the types and ranges of the API; what they mean together is unchecked. */
export type LimitRequest = Omit<LimitSettings, 'countFrom' | 'period'> & {
  /** Null: as it is, or from now on where there is no limit yet. */
  countFrom: LimitSettings['countFrom'] | null
  period: { unit: PeriodRule['unit']; anchorDay: number | null; timezone: string } | null
}

/**
 * What is to be stored for a request.
 *
 * @param current the limit that there is; null: none.
 * @throws `invalid_request` with every field that is wrong; `conflict` for another start of the counting.
 */
export function settingsOf(request: LimitRequest, current: LimitSettings | null): LimitSettings {
  const { period, countFrom } = request
  const errors = [...faultsOfWarnings(request.warnAt), ...(period ? faultsOfPeriod(period) : [])]
  if (errors.length > 0) {
    throw new LedgerError('invalid_request', errors.map(({ detail }) => detail).join(' '), { errors })
  }
  if (current && countFrom !== null && countFrom !== current.countFrom) {
    const detail =
      `count_from must stay "${current.countFrom}" as long as there is a limit. To count from now on, close the ` +
      'period: POST /admins/{id}/periods. To count from the beginning, delete the limit and set it again.'
    throw new LedgerError('conflict', detail, { field: 'count_from' })
  }
  return {
    ...request,
    countFrom: current?.countFrom ?? countFrom ?? 'now',
    period: period && {
      ...period,
      anchorDay: period.anchorDay ?? 1,
      timezone: zoneInItsSpelling(period.timezone),
    },
  }
}

/** Whether two limits are the same in all that an operator sets. */
export function areSameSettings(one: LimitSettings, other: LimitSettings): boolean {
  const textOf = ({
    trafficLimit,
    countFrom,
    period,
    carryOver,
    validUntil,
    warnAt,
    onExceed,
  }: LimitSettings) =>
    JSON.stringify([
      String(trafficLimit),
      countFrom,
      // An alias has no spelling that we could look up.
      period && [period.unit, period.anchorDay, period.timezone.toLowerCase()],
      carryOver,
      validUntil,
      warnAt,
      onExceed,
    ])
  return textOf(one) === textOf(other)
}

function faultsOfWarnings(warnAt: readonly number[]): FieldError[] {
  const isAscending = warnAt.every((percent, index) => percent > (warnAt[index - 1] ?? 0))
  return isAscending
    ? []
    : [{ field: 'warn_at', detail: 'warn_at must be ascending, none twice, such as [80, 95].' }]
}

function faultsOfPeriod({ unit, anchorDay, timezone }: NonNullable<LimitRequest['period']>): FieldError[] {
  const errors: FieldError[] = []
  if (unit === 'day' && anchorDay !== null) {
    const detail = 'period.anchor_day must be left out for days: each of them begins at midnight.'
    errors.push({ field: 'period.anchor_day', detail })
  }
  if (unit === 'week' && (anchorDay ?? 1) > 7) {
    const detail = 'period.anchor_day must be an integer from 1 (Monday) to 7 (Sunday) for weeks.'
    errors.push({ field: 'period.anchor_day', detail })
  }
  if (!isZone(timezone)) {
    const nearest = nearestZones(timezone).join(', ')
    const detail = `period.timezone must be a time zone of the IANA database; the nearest names are ${nearest}.`
    errors.push({ field: 'period.timezone', detail })
  }
  return errors
}
