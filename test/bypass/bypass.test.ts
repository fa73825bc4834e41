import { expect, test } from 'vitest'
import { effort, runsLongTests } from '../support/effort.ts'
import { enforceHolds, onceADay } from './hold.ts'
import { playQuarter, type Quarter } from './quarter.ts'
import { monthly, type WorldOptions } from './world.ts'

const firstSeed = Number(process.env.SEED ?? 1)
/** A story in which the mistakes below show. */
const tellingSeed = 1
const timeout = 300_000

/** Each period begins in time and traffic where the one before ended, at the calendar's instant, and all add up. */
function expectBooksAddUp({ seed, truth, periods, total, status }: Quarter): void {
  const closed = periods.filter(({ total_at_end }) => total_at_end !== null)
  const open = periods.at(-1)
  expect(
    closed.map(({ ends_at, used, allowance, carried }) => ({
      endsAt: Date.parse(ends_at ?? ''),
      used: BigInt(used),
      allowance: BigInt(allowance),
      carried: BigInt(carried),
    })),
    `SEED=${seed}`,
  ).toEqual(
    truth.closed.map(({ endsAt, used, allowance, carried }) => ({ endsAt, used, allowance, carried })),
  )
  expect(closed.length).toBeGreaterThanOrEqual(3)
  for (const [index, { total_at_end, ends_at }] of closed.entries()) {
    expect(periods[index + 1]).toMatchObject({ total_at_start: total_at_end, starts_at: ends_at })
  }
  const used = closed.reduce((sum, period) => sum + BigInt(period.used), 0n) + BigInt(status.used)
  expect(used, `SEED=${seed}`).toBe(total - BigInt(periods[0]?.total_at_start ?? -1))
  expect([BigInt(status.used), BigInt(status.allowance)]).toEqual([truth.used, truth.allowance])
  expect(open?.total_at_end).toBe(null)
}

/** The reseller has got its allowance, what flowed between two polls, and what open connections carried; nothing else. */
function expectNothingBeyond({ seed, truth, journal }: Quarter): void {
  const first = truth.offences[0] ?? ''
  const before = journal.filter((line) => line.slice(0, 24) <= first.slice(0, 24)).slice(-12)
  expect(truth.offences.slice(0, 5), [`SEED=${seed}`, ...before].join('\n')).toEqual([])
  expect(truth.served.beyond).toBe(0n)
}

/** The quarter was worth something: the reseller came to its limit, and tried on. */
function expectTried({ truth, deedsWhileOver, journal }: Quarter): void {
  expect(truth.closed.some(({ used }) => used >= BigInt(monthly))).toBe(true)
  expect(deedsWhileOver).toBeGreaterThan(20)
  expect(journal.length).toBeGreaterThan(300)
}

test.runIf(runsLongTests)(
  'without a hold the books add up to the byte, whatever a reseller does, and the checker sees it get too much',
  async () => {
    const quarter = await playQuarter(firstSeed, { enforce: null, serving: 'by status' })
    expectTried(quarter)
    expectBooksAddUp(quarter)
    expect(() => expectNothingBeyond(quarter)).toThrow()
  },
  timeout,
)

test.each(
  Array.from({ length: effort('QUARTERS', { newcomer: 1, ci: 1 }) }, (_, index) => firstSeed + index),
)(
  'with a hold a reseller never gets more than its limit, what flows between two polls and over open connections: %i',
  async (of) => {
    const serving = of % 2 ? 'by status' : 'as told'
    const quarter = await playQuarter(of, { enforce: enforceHolds(), serving })
    expectTried(quarter)
    expectBooksAddUp(quarter)
    expectNothingBeyond(quarter)
  },
  timeout,
)

const mistakes: [string, Partial<WorldOptions>][] = [
  ['whose front lets everything pass', { frontKnows: false }],
  ['that overlooks users on hold', { enforce: enforceHolds({ overlooked: 'on_hold' }) }],
  ['that looks only once a day', { enforce: onceADay(enforceHolds()) }],
]
test.each(mistakes.slice(0, effort('MISTAKES', { newcomer: 1, ci: mistakes.length })))(
  'the checker sees a hold %s',
  async (_, mistake) => {
    const options: WorldOptions = { enforce: enforceHolds(), serving: 'by status', ...mistake }
    const quarter = await playQuarter(tellingSeed, options, 35)
    expect(() => expectNothingBeyond(quarter)).toThrow()
  },
  timeout,
)
