import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { localDayOf, startOfLocalDay } from '../../src/ledger/local-day.ts'
import { type PeriodRule, periodAt } from '../../src/ledger/period.ts'

const zones = [
  'UTC',
  'Asia/Tehran',
  'Asia/Kolkata',
  'Asia/Kathmandu',
  'Europe/London',
  'America/Santiago',
  'America/Havana',
  'America/St_Johns',
  'Australia/Lord_Howe',
  'Pacific/Apia',
]
const iso = (instant: number) => new Date(instant).toISOString()
const at = (text: string) => Date.parse(text)

/** When the periods after that of `from` begin, up to `until`. */
function beginningsBetween(from: number, until: number, rule: PeriodRule): number[] {
  const beginnings: number[] = []
  for (let { end } = periodAt(from, rule); end <= until; { end } = periodAt(end, rule)) beginnings.push(end)
  return beginnings
}

describe('a local day', () => {
  test.each([
    ['begins at midnight', 'Asia/Kolkata', '2026-03-01', '2026-02-28T18:30:00.000Z'],
    ['begins half an hour off', 'Asia/Tehran', '2026-07-01', '2026-06-30T20:30:00.000Z'],
    [
      'begins in summer time, where Iran still had it',
      'Asia/Tehran',
      '2021-07-01',
      '2021-06-30T19:30:00.000Z',
    ],
    [
      'begins when clocks are set forward at midnight',
      'Asia/Tehran',
      '2021-03-22',
      '2021-03-21T20:30:00.000Z',
    ],
    [
      'begins at its first instant where midnight is left out',
      'America/Santiago',
      '2025-09-07',
      '2025-09-07T04:00:00.000Z',
    ],
    ['begins at the first of two midnights', 'America/Havana', '2025-11-02', '2025-11-02T04:00:00.000Z'],
    [
      'begins after the day when London sets its clocks',
      'Europe/London',
      '2026-03-30',
      '2026-03-29T23:00:00.000Z',
    ],
  ])('%s: %s, %s', (_, zone, day, start) => {
    const [year = 0, month = 0, date = 0] = day.split('-').map(Number)
    expect(iso(startOfLocalDay({ year, month, day: date }, zone))).toBe(start)
  })

  test('of a zone that nobody knows any more begins as in UTC', () => {
    expect(iso(startOfLocalDay({ year: 2026, month: 3, day: 1 }, 'Atlantis/Capital'))).toBe(
      '2026-03-01T00:00:00.000Z',
    )
  })

  test('begins on the day itself, and the millisecond before lies on another', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: at('2000-01-01T00:00Z'), max: at('2060-01-01T00:00Z') }),
        fc.constantFrom(...zones),
        (instant, zone) => {
          const day = localDayOf(instant, zone)
          const start = startOfLocalDay(day, zone)
          expect(localDayOf(start, zone)).toEqual(day)
          expect(localDayOf(start - 1, zone)).not.toEqual(day)
          expect(start).toBeLessThanOrEqual(instant)
        },
      ),
      { numRuns: 1_000 },
    )
  })
})

describe('a period', () => {
  test('of a month that begins on the 31st begins on the last day of shorter months', () => {
    const rule: PeriodRule = { unit: 'month', anchorDay: 31, timezone: 'UTC' }
    const ends = beginningsBetween(at('2027-12-31T00:00Z'), at('2028-06-01T00:00Z'), rule).map(iso)
    expect(ends.map((end) => end.slice(0, 10))).toEqual([
      '2028-01-31',
      '2028-02-29',
      '2028-03-31',
      '2028-04-30',
      '2028-05-31',
    ])
  })

  test.each(Array.from({ length: 31 }, (_, index) => index + 1))(
    'of a month that begins on day %i begins once in each month',
    (anchorDay) => {
      for (const timezone of ['UTC', 'Asia/Tehran', 'America/Santiago', 'America/Havana']) {
        const rule: PeriodRule = { unit: 'month', anchorDay, timezone }
        const ends = beginningsBetween(at('2019-12-15T12:00Z'), at('2029-02-15T12:00Z'), rule)
        const months = ends.map((end) => localDayOf(end, timezone))
        for (const { year, month, day } of months) {
          expect(day).toBe(Math.min(anchorDay, new Date(Date.UTC(year, month, 0)).getUTCDate()))
        }
        expect(new Set(months.map(({ year, month }) => `${year}-${month}`)).size).toBe(months.length)
        expect(months.length).toBeGreaterThanOrEqual(109)
      }
    },
  )

  const rules = fc.record({
    unit: fc.constantFrom<PeriodRule['unit'][]>('day', 'week', 'month'),
    anchorDay: fc.integer({ min: 1, max: 31 }),
    timezone: fc.constantFrom(...zones),
  })

  test('holds the instant it is asked for, ends where the next begins, and is the same for each of its instants', () => {
    fc.assert(
      fc.property(
        rules,
        fc.integer({ min: at('2012-01-01T00:00Z'), max: at('2050-01-01T00:00Z') }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        ({ anchorDay, ...rest }, instant, part) => {
          const rule = { ...rest, anchorDay: rest.unit === 'week' ? ((anchorDay - 1) % 7) + 1 : anchorDay }
          const { start, end } = periodAt(instant, rule)
          expect(start).toBeLessThanOrEqual(instant)
          expect(end).toBeGreaterThan(instant)
          expect(periodAt(end, rule).start).toBe(end)
          expect(periodAt(Math.min(end - 1, Math.floor(start + part * (end - start))), rule)).toEqual({
            start,
            end,
          })
        },
      ),
      { numRuns: 1_000 },
    )
  })
})
