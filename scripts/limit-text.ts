import { writeSize } from './byte-sizes.ts'
import type { Hold, Limit, Whole } from './ledger-calls.ts'

/** A limit and how its account stands, as lines for people. */
export function describeLimit(limit: Limit): string[] {
  const { status, warn_at: warnings, valid_until: until } = limit
  const percent = status.used_percent === null ? '' : ` (${status.used_percent} %)`
  return [
    `limit:   ${size(limit.traffic_limit)}, ${periodOf(limit)}`,
    `period:  since ${status.period.starts_at}, ${status.period.ends_at ? `until ${status.period.ends_at}` : 'without an end'}`,
    `state:   ${status.state}${status.pending ? ', waits for the first complete scan' : ''}`,
    `used:    ${size(status.used)} of ${size(status.allowance)}${percent}`,
    `carries: ${limit.carry_over}; counts from: ${limit.count_from}`,
    ...(until === null ? [] : [`valid:   until ${until}`]),
    ...(warnings.length === 0 ? [] : [`warns:   at ${warnings.join(' %, ')} %`]),
    `then:    ${limit.on_exceed === 'disable_users' ? 'users are disabled' : 'only recorded, nobody is disabled'}`,
  ]
}

/** A hold and how far it has come, as lines for people. */
export function describeHold({ reasons, total, done, failed, operator }: Hold): string[] {
  const why = operator ? ` (${operator.reason}, by ${operator.by})` : ''
  return [
    reasons.length === 0
      ? `held:    no more; ${total} users are still to be enabled`
      : `held:    ${reasons.join(', ')}${why}; ${done} of ${total} users are disabled, ${failed} failed`,
  ]
}

function size(bytes: Whole | null): string {
  return bytes === null ? 'no limit of traffic' : writeSize(BigInt(bytes))
}

function periodOf({ period }: Limit): string {
  if (period === null) return 'prepaid, without periods'
  const day = period.anchor_day === null ? '' : ` from day ${period.anchor_day}`
  return `each ${period.unit}${day}, ${period.timezone}`
}
