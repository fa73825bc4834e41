const form = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(?:(Z)|([+-])(\d\d):?(\d\d))?$/

/**
 * The panel's time of creation, naive UTC, as `YYYY-MM-DD HH:MM:SS.ffffff`. The panel leaves the fraction out when it is
 * zero, or when its database keeps whole seconds. In one form, times can be compared as text. A time with an offset from UTC
 * is converted.
 *
 * @returns null for anything else: another form, a day the calendar does not have.
 */
export function normaliseCreatedAt(text: string): string | null {
  const match = form.exec(text)
  if (!match) return null
  const [, year, month, day, hour, minute, second, fraction = '', , sign, hours = '0', minutes = '0'] = match
  const whole = `${year}-${month}-${day}T${hour}:${minute}:${second}`
  // Date turns a day that does not exist into one of the next month, which is another text. The microseconds never pass
  // through it.
  const existing = new Date(`${whole}Z`)
  if (Number.isNaN(existing.getTime()) || year === '0000') return null
  if (existing.toISOString().slice(0, 19) !== whole) return null
  if (Number(hours) > 23 || Number(minutes) > 59) return null
  const offsetMs = (Number(hours) * 60 + Number(minutes)) * 60_000
  const utc = new Date(existing.getTime() - (sign === '-' ? -offsetMs : offsetMs)).toISOString()
  // A year of more than four digits has another form.
  if (utc.length !== 24 || utc.startsWith('0000')) return null
  return `${utc.slice(0, 19).replace('T', ' ')}.${fraction.padEnd(6, '0')}`
}
