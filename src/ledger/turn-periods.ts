import { type Allowance, allowanceOf, type CarryOver, carryOver } from './limit.ts'
import { type PeriodRule, periodAt } from './period.ts'

/** A period that has not ended. Times are milliseconds since 1970, traffic is bytes. */
export type RunningPeriod = Omit<Allowance, 'trafficLimit'> & {
  startsAt: number
  /** Null: a prepaid package. */
  endsAt: number | null
  /** The account's total when it began. */
  totalAtStart: bigint
}

export type ClosedPeriod = RunningPeriod & {
  endsAt: number
  totalAtEnd: bigint
  /** What could be used; null: no limit of traffic. */
  allowance: bigint | null
}

export type PeriodSettings = {
  trafficLimit: bigint | null
  carryOver: CarryOver
  /** Null: a prepaid package. */
  rule: PeriodRule | null
}

/** Of so many periods ends are caught up at once: a clock that runs a century ahead must not stop the service. */
const turnsAtOnce = 1_000

/**
 * Periods end at midnights, as they were known when the period began. Half a day later it is the same day also where a country has
 * moved its clocks since: a period of the hour in between would have an allowance of its own.
 */
const halfDayMs = 43_200_000

/**
 * Closes the periods that have ended by `now`, one by one from their own ends, each carrying over into the next.
 *
 * @param total the account's total, before what grows now: growth that is first seen after an end belongs to what follows.
 */
export function turnPeriods(
  period: RunningPeriod,
  settings: PeriodSettings,
  total: bigint,
  now: number,
): { closed: ClosedPeriod[]; running: RunningPeriod } {
  const closed: ClosedPeriod[] = []
  let running = period
  while (running.endsAt !== null && running.endsAt <= now && closed.length < turnsAtOnce) {
    const turned = endPeriod(running, settings, total, running.endsAt)
    closed.push(turned.closed)
    running = { ...turned.begun, endsAt: endOfPeriod(turned.begun.startsAt + halfDayMs, settings.rule) }
  }
  return { closed, running }
}

/** Ends a period at an instant and begins the next one. A clock that was set back ends no period before it began. */
export function closePeriod(
  period: RunningPeriod,
  settings: PeriodSettings,
  total: bigint,
  at: number,
): { closed: ClosedPeriod; running: RunningPeriod } {
  const { closed, begun } = endPeriod(period, settings, total, at)
  return { closed, running: { ...begun, endsAt: endOfPeriod(begun.startsAt, settings.rule) } }
}

function endPeriod(
  period: RunningPeriod,
  { trafficLimit, carryOver: rule }: PeriodSettings,
  total: bigint,
  at: number,
): { closed: ClosedPeriod; begun: Omit<RunningPeriod, 'endsAt'> } {
  const endsAt = Math.max(at, period.startsAt)
  const allowance = allowanceOf({ ...period, trafficLimit })
  const used = total - period.totalAtStart
  return {
    closed: { ...period, endsAt, totalAtEnd: total, allowance },
    begun: {
      startsAt: endsAt,
      totalAtStart: total,
      granted: 0n,
      carried: carryOver({ used, allowance }, rule),
    },
  }
}

/** When a period ends that runs at an instant; null: a prepaid package does not end by itself. */
export function endOfPeriod(instant: number, rule: PeriodRule | null): number | null {
  return rule === null ? null : periodAt(instant, rule).end
}
