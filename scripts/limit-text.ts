import { writeSize } from './byte-sizes.ts'
import type { Limit, Whole } from './ledger-calls.ts'

/** A limit and how its account stands, as lines for people. */
export function describeLimit(limit: Limit): string[] {
  const { status, warn_at: warnings, valid_until: until } = limit
  const percent = status.used_percent === null ? '' : ` (${status.used_percent} %)`
  const { hold } = status
  return [
    `limit:   ${size(limit.traffic_limit)}, ${periodOf(limit)}`,
    `period:  since ${status.period.starts_at}, ${status.period.ends_at ? `until ${status.period.ends_at}` : 'without an end'}`,
    `state:   ${status.state}${status.pending ? ', waits for the first complete scan' : ''}`,
    `used:    ${size(status.used)} of ${size(status.allowance)}${percent}`,
    `carries: ${limit.carry_over}; counts from: ${limit.count_from}`,
    ...(until === null ? [] : [`valid:   until ${until}`]),
    ...(warnings.length === 0 ? [] : [`warns:   at ${warnings.join(' %, ')} %`]),
    `exceeded: ${limit.on_exceed}`,
    ...(hold && hold.reasons.length > 0
      ? [
          `held:    ${hold.reasons.join(', ')}; ${hold.done} of ${hold.total} users done, ${hold.failed} failed`,
        ]
      : []),
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
