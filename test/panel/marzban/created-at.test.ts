import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { normaliseCreatedAt } from '../../../src/panel/marzban/created-at.ts'

const pad = (value: number, length: number) => String(value).padStart(length, '0')

describe('normaliseCreatedAt', () => {
  test.each([
    ['2026-11-22T10:32:39.350617', '2026-11-22 10:32:39.350617'],
    ['2026-11-22T10:32:39', '2026-11-22 10:32:39.000000'],
    ['2026-11-22T10:32:39.5', '2026-11-22 10:32:39.500000'],
    ['2024-02-29T00:00:00.000001', '2024-02-29 00:00:00.000001'],
    ['0099-12-31T23:59:59', '0099-12-31 23:59:59.000000'],
    ['2026-11-22T10:32:39.350617Z', '2026-11-22 10:32:39.350617'],
    ['2026-11-22T10:32:39.35+00:00', '2026-11-22 10:32:39.350000'],
    ['2026-03-01T01:32:39.000001+03:30', '2026-02-28 22:02:39.000001'],
    ['2026-12-31T20:30:00-0330', '2027-01-01 00:00:00.000000'],
  ])('%s becomes %s', (text, normalised) => {
    expect(normaliseCreatedAt(text)).toBe(normalised)
  })

  test.each([
    '',
    '2026-11-22',
    '2026-11-22 10:32:39',
    '2026-11-22T10:32:39+24:00',
    '2026-11-22T10:32:39+03:60',
    '2026-11-22T10:32:39+03',
    '0001-01-01T00:00:00+00:01',
    '9999-12-31T23:59:59-00:01',
    '2026-11-22T10:32:39.',
    '2026-11-22T10:32:39.1234567',
    '2026-11-22T10:32:39\n',
    '2026-11-22T24:00:00',
    '2026-11-22T10:60:00',
    '2026-11-22T10:32:60',
    '2026-13-01T00:00:00',
    '2026-02-30T00:00:00',
    '2025-02-29T00:00:00',
    '0000-01-01T00:00:00',
    '12026-11-22T10:32:39',
    '1795343560',
  ])('%j is refused', (text) => {
    expect(normaliseCreatedAt(text)).toBeNull()
  })

  test('every time with every number of fractional digits keeps its microseconds and its order', () => {
    const time = fc.record({
      date: fc.date({
        min: new Date('0001-01-01T00:00:00Z'),
        max: new Date('9999-12-31T23:59:59Z'),
        noInvalidDate: true,
      }),
      micros: fc.integer({ min: 0, max: 999_999 }),
    })
    const seconds = (date: Date) => date.toISOString().slice(0, 19)
    const python = (date: Date, micros: number) =>
      micros === 0 ? seconds(date) : `${seconds(date)}.${pad(micros, 6).replace(/0+$/, '')}`
    fc.assert(
      fc.property(time, time, (a, b) => {
        const normal = (t: typeof a) => normaliseCreatedAt(python(t.date, t.micros)) ?? ''
        expect(normal(a)).toBe(`${seconds(a.date).replace('T', ' ')}.${pad(a.micros, 6)}`)
        const order = (x: typeof a) => [Math.floor(x.date.getTime() / 1000), x.micros] as const
        const [secondsA, microsA] = order(a)
        const [secondsB, microsB] = order(b)
        const earlier = secondsA < secondsB || (secondsA === secondsB && microsA < microsB)
        expect(normal(a) < normal(b)).toBe(earlier)
      }),
    )
  })
})
