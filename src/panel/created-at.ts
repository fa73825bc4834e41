const form = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?$/

/**
 * The panel's naive UTC timestamp as `YYYY-MM-DD HH:MM:SS.ffffff`. The panel leaves the fraction out when it is zero or
 * when its database keeps whole seconds; one form lets timestamps be compared as text.
 *
 * @returns null for anything else: another form, an offset from UTC, a day the calendar does not have.
 */
export function normaliseCreatedAt(text: string): string | null {
  const match = form.exec(text)
  if (!match) return null
  const [, year, month, day, hour, minute, second, fraction = ''] = match
  const whole = `${year}-${month}-${day} ${hour}:${minute}:${second}`
  // A Date rolls what does not exist over into the next month, day or minute, so it comes back as another text. It also
  // throws for no input of this form; the microseconds never pass through it.
  const existing = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  if (Number.isNaN(existing.getTime()) || year === '0000') return null
  if (existing.toISOString().slice(0, 19).replace('T', ' ') !== whole) return null
  return `${whole}.${fraction.padEnd(6, '0')}`
}
