import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type CarryOver, crossingsOf, nextCrossing, usageOf } from '../../src/ledger/limit.ts'
import { closePeriod, type RunningPeriod, turnPeriods } from '../../src/ledger/turn-periods.ts'

const dayMs = 86_400_000
const start = Date.UTC(2026, 0, 1)
const rule = { unit: 'day', anchorDay: 1, timezone: 'UTC' } as const
const first: RunningPeriod = {
  startsAt: start,
  endsAt: start + dayMs,
  totalAtStart: 0n,
  granted: 0n,
  carried: 0n,
}

describe('periods that turn', () => {
  test('close at their own ends, not when somebody looks', () => {
    const settings = { trafficLimit: 10n, carryOver: 'none', rule } as const
    const { closed, running } = turnPeriods(first, settings, 7n, start + 2.5 * dayMs)
    expect(closed.map(({ startsAt, endsAt }) => [startsAt - start, endsAt - start])).toEqual([
      [0, dayMs],
      [dayMs, 2 * dayMs],
    ])
    expect(running).toMatchObject({
      startsAt: start + 2 * dayMs,
      endsAt: start + 3 * dayMs,
      totalAtStart: 7n,
    })
  })

  test.each([-1, 1])(
    'end at their calendar again where a country has moved its clocks by %i hour meanwhile',
    (hours) => {
      const settings = {
        trafficLimit: 10n,
        carryOver: 'all',
        rule: { unit: 'month', anchorDay: 1, timezone: 'Asia/Tehran' },
      } as const
      const midnight = (month: string) => Date.parse(`2026-${month}-01T00:00+03:30`)
      const stored = { ...first, startsAt: midnight('03'), endsAt: midnight('04') + hours * 3_600_000 }
      const { closed, running } = turnPeriods(stored, settings, 0n, midnight('04') + dayMs)
      expect(closed).toHaveLength(1)
      expect(running).toMatchObject({ startsAt: stored.endsAt, endsAt: midnight('05'), carried: 10n })
    },
  )

  test('do not turn before their end, nor when the clock is set back', () => {
    const settings = { trafficLimit: 10n, carryOver: 'none', rule } as const
    expect(turnPeriods(first, settings, 7n, start + dayMs - 1).closed).toEqual([])
    expect(turnPeriods(first, settings, 7n, start - 100 * dayMs).closed).toEqual([])
    expect(closePeriod(first, settings, 7n, start - dayMs).closed.endsAt).toBe(start)
  })

  test('that are many are caught up in bounded steps, and lose none', () => {
    const settings = { trafficLimit: 10n, carryOver: 'all', rule } as const
    let running = first
    let turned = 0
    for (let step = 0; step < 4; step += 1) {
      const next = turnPeriods(running, settings, 0n, start + 3_500.5 * dayMs)
      turned += next.closed.length
      running = next.running
    }
    expect([turned, running.carried]).toEqual([3_500, 35_000n])
  })

  test('in any history use together what the total grew by, and carry what their rule says', () => {
    const step = fc.record({
      hours: fc.integer({ min: -5, max: 100 }),
      growth: fc.bigInt({ min: 0n, max: 10n ** 12n }),
      early: fc.boolean(),
    })
    const rules = fc.constantFrom<CarryOver>('none', 'debt', 'all')
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 30 }),
        rules,
        fc.bigInt({ min: 1n, max: 10n ** 12n }),
        (steps, carry, limit) => {
          const settings = { trafficLimit: limit, carryOver: carry, rule }
          let [now, total, running, used] = [start, 0n, first, 0n]
          for (const { hours, growth, early } of steps) {
            now += hours * 3_600_000
            const turned = turnPeriods(running, settings, total, now)
            const closed = [...turned.closed]
            running = turned.running
            total += growth
            if (early) {
              const ended = closePeriod(running, settings, total, now)
              closed.push(ended.closed)
              running = ended.running
            }
            for (const period of closed) {
              expect(period.endsAt).toBeGreaterThanOrEqual(period.startsAt)
              used += period.totalAtEnd - period.totalAtStart
            }
            if (carry === 'none') expect(running.carried).toBe(0n)
            if (carry === 'debt') expect(running.carried).toBeLessThanOrEqual(0n)
          }
          expect(used + total - running.totalAtStart).toBe(total)
        },
      ),
    )
  })
})

describe('the next crossing', () => {
  test('is the first total at which something more is crossed', () => {
    const bytes = fc.bigInt({ min: 0n, max: 3_000n })
    const warnings = fc
      .uniqueArray(fc.integer({ min: 1, max: 99 }), { maxLength: 4 })
      .map((all) => all.sort((a, b) => a - b))
    fc.assert(
      fc.property(
        bytes,
        bytes,
        fc.bigInt({ min: -500n, max: 1_500n }),
        warnings,
        (from, used, allowance, warnAt) => {
          const crossedAt = (total: bigint) =>
            crossingsOf({ used: total - from, allowance }, warnAt, false).length
          const total = from + used
          const next = nextCrossing(total, from, allowance, warnAt)
          if (next === null) expect(crossedAt(total)).toBe(warnAt.length + 1)
          else {
            expect(crossedAt(next - 1n)).toBe(crossedAt(total))
            expect(crossedAt(next)).toBeGreaterThan(crossedAt(total))
          }
        },
      ),
    )
  })

  test('is none beyond what a total can be, and none without a limit', () => {
    const largest = 2n ** 63n - 1n
    expect(nextCrossing(largest - 5n, largest - 5n, 10n, [50])).toBe(largest)
    expect(nextCrossing(largest, largest - 5n, 10n, [50])).toBeNull()
    expect(nextCrossing(5n, 0n, null, [50])).toBeNull()
    const { allowance, overshoot } = usageOf(1n, 0n, {
      trafficLimit: 1n,
      granted: 0n,
      carried: -largest * 2n,
    })
    expect([allowance, overshoot]).toEqual([-largest, largest])
  })
})
