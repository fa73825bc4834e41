import Type from 'typebox'
import { describe, invalidParameters } from '../problem/field-errors.ts'

/** A parameter that is a time; {@link readTime} makes a Date of it. */
export function timeParameter(description: string) {
  return Type.Optional(Type.String({ ...dateTime, description, examples: ['2026-11-22T10:32:39Z'] }))
}

/** The schema of a time with its zone. */
export const dateTime = {
  type: 'string',
  format: 'date-time',
  pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d{1,9})?(Z|[+-]\\d\\d:\\d\\d)$',
}

/**
 * The times of a query for a list, each left out if the caller has left it out.
 *
 * @throws `invalid_request` for a time that is in no calendar, and for a range that ends before it begins.
 */
export function readTimes(query: { from?: string; to?: string }): { from?: Date; to?: Date } {
  const from = query.from === undefined ? undefined : readTime('from', query.from)
  const to = query.to === undefined ? undefined : readTime('to', query.to)
  if (from && to && from > to) {
    const detail = `from must not be after to, but ${query.from} is after ${query.to}.`
    throw invalidParameters([{ field: 'from', detail }])
  }
  return { ...(from && { from }), ...(to && { to }) }
}

/** @throws `invalid_request` for a time that is in no calendar, and for one that RFC 3339 cannot write in UTC. */
export function readTime(field: string, text: string): Date {
  const at = new Date(text)
  // Date turns 30 February into 1 March.
  const day = new Date(`${text.slice(0, 10)}T00:00:00Z`)
  const isOnCalendar = !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text.slice(0, 10))
  if (isOnCalendar && !Number.isNaN(at.getTime())) {
    const year = at.getUTCFullYear()
    if (year >= 0 && year <= 9_999) return at
    const detail = `${field} must be a time from the year 0000 to the year 9999 in UTC.`
    throw invalidParameters([{ field, detail }])
  }
  throw invalidParameters([{ field, detail: `${field} must be ${describe(dateTime)}.` }])
}
