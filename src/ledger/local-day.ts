/** A day of the calendar, without a zone: `2026-01-31`. */
export type CalendarDay = { year: number; month: number; day: number }

const dayMs = 86_400_000

/** The day of the calendar at an instant, in milliseconds since 1970, in a zone. */
export function localDayOf(instant: number, timezone: string): CalendarDay {
  const local = new Date(instant + offsetAt(instant, timezone))
  return { year: local.getUTCFullYear(), month: local.getUTCMonth() + 1, day: local.getUTCDate() }
}

/**
 * The first instant of a day in a zone, in milliseconds since 1970. Where clocks are set forward at midnight, the day begins
 * when they show its first time that exists; where they are set back over midnight, it begins the first time.
 */
export function startOfLocalDay(day: CalendarDay, timezone: string): number {
  const midnight = utcOf(day)
  // No zone is further than a day from UTC, and none changes twice within two days.
  const offsets = new Set([-dayMs, 0, dayMs].map((by) => offsetAt(midnight + by, timezone)))
  const candidates = [...offsets].map((offset) => midnight - offset)
  const starts = candidates.filter((instant) => instant + offsetAt(instant, timezone) === midnight)
  return starts.length > 0 ? Math.min(...starts) : endOfGap(midnight, candidates, timezone)
}

/** Midnight does not exist on this day: the instant at which the clocks are set forward. */
function endOfGap(midnight: number, candidates: readonly number[], timezone: string): number {
  let before = Math.min(...candidates) - 1
  let after = Math.max(...candidates)
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2)
    if (middle + offsetAt(middle, timezone) >= midnight) after = middle
    else before = middle
  }
  return after
}

/** The day that lies so many days later. */
export function addDays(day: CalendarDay, days: number): CalendarDay {
  const date = new Date(utcOf(day) + days * dayMs)
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() }
}

/** Monday is 1, Sunday is 7. */
export function weekdayOf(day: CalendarDay): number {
  return new Date(utcOf(day)).getUTCDay() || 7
}

export function daysInMonth({ year, month }: Pick<CalendarDay, 'year' | 'month'>): number {
  return new Date(Date.UTC(year, month, 0)).getUTCDate()
}

function utcOf({ year, month, day }: CalendarDay): number {
  return Date.UTC(year, month - 1, day)
}

const formats = new Map<string, Intl.DateTimeFormat>()

/** By how many milliseconds the clocks of a zone are ahead of UTC at an instant. */
function offsetAt(instant: number, timezone: string): number {
  const seconds = Math.floor(instant / 1000) * 1000
  const parts = Object.fromEntries(
    formatOf(timezone)
      .formatToParts(seconds)
      .map(({ type, value }) => [type, Number(value)]),
  )
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts
  return Date.UTC(year, month - 1, day, hour, minute, second) - seconds
}

/** Zones are checked when they are set. One that a later version of Node does not know must not keep anybody from counting. */
function isKnownZone(timezone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: timezone }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}

function formatOf(timezone: string): Intl.DateTimeFormat {
  let format = formats.get(timezone)
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: isKnownZone(timezone) ? timezone : 'UTC',
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
    formats.set(timezone, format)
  }
  return format
}
