import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type CarryOver, carryOver, crossingsOf, stateOf, usageOf } from '../../src/ledger/limit.ts'

const of = (trafficLimit: bigint | null, granted = 0n, carried = 0n) => ({ trafficLimit, granted, carried })
const largest = 2n ** 63n - 1n

describe('a limit', () => {
  test.each([
    ['nothing used', 0n, of(100n), { remaining: 100n, overshoot: 0n, usedPercent: 0n }, 'ok'],
    ['one byte below a warning', 79n, of(100n), { remaining: 21n, overshoot: 0n, usedPercent: 79n }, 'ok'],
    ['a warning to the byte', 80n, of(100n), { remaining: 20n, overshoot: 0n, usedPercent: 80n }, 'warned'],
    ['one byte below the allowance', 99n, of(100n), { remaining: 1n, overshoot: 0n }, 'warned'],
    [
      'the allowance to the byte',
      100n,
      of(100n),
      { remaining: 0n, overshoot: 0n, usedPercent: 100n },
      'exceeded',
    ],
    ['more than that', 130n, of(100n), { remaining: 0n, overshoot: 30n, usedPercent: 130n }, 'exceeded'],
    ['a grant', 100n, of(100n, 25n), { allowance: 125n, remaining: 25n, usedPercent: 80n }, 'warned'],
    ['a debt', 40n, of(100n, 0n, -50n), { allowance: 50n, remaining: 10n, usedPercent: 80n }, 'warned'],
    ['a debt that leaves nothing', 0n, of(100n, 0n, -100n), { remaining: 0n, usedPercent: 100n }, 'exceeded'],
    ['a debt beyond the limit', 0n, of(100n, 0n, -150n), { remaining: 0n, overshoot: 50n }, 'exceeded'],
    ['no limit of traffic', largest, of(null), { allowance: null, remaining: null, usedPercent: null }, 'ok'],
    [
      'figures beyond what floats hold',
      largest - 1n,
      of(largest),
      { remaining: 1n, usedPercent: 99n },
      'warned',
    ],
  ] as const)('with %s is judged to the byte', (_, used, allowed, expected, state) => {
    const usage = usageOf(1_000n + used, 1_000n, allowed)
    expect(usage).toMatchObject({ used, ...expected })
    expect(stateOf(crossingsOf(usage, [80, 95], false))).toBe(state)
  })

  test('that is over in time is expired, whatever was used', () => {
    expect(stateOf(crossingsOf(usageOf(5n, 5n, of(100n)), [80], true))).toBe('expired')
    expect(crossingsOf(usageOf(105n, 5n, of(100n)), [80], true).map(({ kind }) => kind)).toEqual([
      'warned',
      'exceeded',
      'expired',
    ])
  })

  test('is crossed once and for all by growth: what is crossed stays crossed', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 1n, max: largest }),
        fc.bigInt({ min: 0n, max: largest }),
        fc.bigInt({ min: 0n, max: largest }),
        (limit, used, more) => {
          const before = crossingsOf({ used, allowance: limit }, [1, 50, 99], false)
          const after = crossingsOf({ used: used + more, allowance: limit }, [1, 50, 99], false)
          expect(after.slice(0, before.length)).toEqual(before)
        },
      ),
    )
  })
})

describe('periods that follow each other', () => {
  const growths = fc.array(fc.bigInt({ min: 0n, max: 10n ** 15n }), { minLength: 1, maxLength: 40 })

  test('use together exactly what the total grew by', () => {
    fc.assert(
      fc.property(growths, fc.bigInt({ min: 0n, max: 10n ** 15n }), (grown, start) => {
        let total = start
        const used = grown.map((growth) => {
          const totalAtStart = total
          total += growth
          return usageOf(total, totalAtStart, of(1n)).used
        })
        expect(used.reduce((sum, value) => sum + value, 0n)).toBe(total - start)
      }),
    )
  })

  test.each<[CarryOver, string]>([
    ['all', 'never allow more nor less than their limits together'],
    ['debt', 'never allow more than their limits together'],
    ['none', 'owe nothing and inherit nothing'],
  ])('with the balance carried over as %s, %s', (rule) => {
    fc.assert(
      fc.property(growths, fc.bigInt({ min: 1n, max: 10n ** 15n }), (grown, limit) => {
        let carried = 0n
        let used = 0n
        for (const [index, growth] of grown.entries()) {
          const usage = usageOf(growth, 0n, of(limit, 0n, carried))
          used += growth
          carried = carryOver(usage, rule)
          const limits = limit * BigInt(index + 1)
          if (rule === 'all') expect(carried).toBe(limits - used)
          if (rule === 'debt') {
            expect(carried).toBeLessThanOrEqual(0n)
            expect(carried).toBeGreaterThanOrEqual(-used)
          }
          if (rule === 'none') expect(carried).toBe(0n)
        }
      }),
    )
  })

  test('without a limit of traffic carry nothing', () => {
    expect(carryOver(usageOf(10n, 0n, of(null)), 'all')).toBe(0n)
  })
})
