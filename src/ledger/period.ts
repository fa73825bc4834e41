import {
  addDays,
  type CalendarDay,
  daysInMonth,
  localDayOf,
  startOfLocalDay,
  weekdayOf,
} from './local-day.ts'

/** How an account's periods follow each other. */
export type PeriodRule = {
  unit: 'day' | 'week' | 'month'
  /**
   * On which day a period begins: 1 to 7 (Monday is 1) of a week, 1 to 31 of a month. A month that is shorter begins on its
   * last day. Of no meaning for days.
   */
  anchorDay: number
  /** A zone of the IANA database, such as `Asia/Tehran`: periods begin at its midnight. */
  timezone: string
}

/** Milliseconds since 1970: from `start` on, up to but not including `end`. */
export type Span = { start: number; end: number }

/** The period in which an instant, in milliseconds since 1970, lies. */
export function periodAt(instant: number, rule: PeriodRule): Span {
  const today = localDayOf(instant, rule.timezone)
  const first = beginningAtOrBefore(today, rule)
  return {
    start: startOfLocalDay(first, rule.timezone),
    end: startOfLocalDay(nextBeginning(first, rule), rule.timezone),
  }
}

function beginningAtOrBefore(day: CalendarDay, rule: PeriodRule): CalendarDay {
  switch (rule.unit) {
    case 'day':
      return day
    case 'week':
      return addDays(day, -((weekdayOf(day) - rule.anchorDay + 7) % 7))
    case 'month': {
      const ofThisMonth = anchorIn(day, rule.anchorDay)
      return ofThisMonth.day <= day.day ? ofThisMonth : anchorIn(monthAfter(day, -1), rule.anchorDay)
    }
  }
}

function nextBeginning(beginning: CalendarDay, rule: PeriodRule): CalendarDay {
  switch (rule.unit) {
    case 'day':
      return addDays(beginning, 1)
    case 'week':
      return addDays(beginning, 7)
    case 'month':
      return anchorIn(monthAfter(beginning, 1), rule.anchorDay)
  }
}

type Month = Pick<CalendarDay, 'year' | 'month'>

function anchorIn(month: Month, anchorDay: number): CalendarDay {
  return { year: month.year, month: month.month, day: Math.min(anchorDay, daysInMonth(month)) }
}

function monthAfter({ year, month }: Month, by: 1 | -1): Month {
  const months = year * 12 + (month - 1) + by
  return { year: Math.floor(months / 12), month: (months % 12) + 1 }
}
