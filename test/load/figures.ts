import type { Line } from '../bench/line.ts'
import { deletionCosts } from '../stand-in/costs.ts'
import { type ClientsResult, kinds } from './clients.ts'

/** How the service stood at one second of the load. */
export type Sample = {
  /** Bytes in memory. */
  resident: number
  /** Whether it read users. */
  scanning: boolean
}

export type LoadOutcome = {
  seconds: number
  result: ClientsResult
  samples: readonly Sample[]
  /** Users that the scan read meanwhile. */
  scanned: number
  /** Bytes by which each account's total differs from the truth. */
  beside: readonly number[]
  /** Users whose receipts say that they are deleted, and that the panel still has. */
  untrue: number
  /** Accounts whose stored sums do not add up. */
  inconsistent: number
}

const memoryGrowsAtMost = 1.25

/** The figures of a load, each with what it has to be. */
export function linesOf(outcome: LoadOutcome): Line[] {
  const { seconds, result, samples, scanned, beside } = outcome
  const calls = kinds.map((kind): Line => {
    const { served, shed, p50, p99, errors } = result.kinds[kind]
    const [first] = errors
    return {
      name: `load: ${kind}`,
      measured:
        `${served} served, ${(served / seconds).toFixed(1)}/s, ${shed} shed, ` +
        `p50 ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms${first ? `; ${first}` : ''}`,
      value: errors.length,
      limit: { atMost: 0 },
      unit: 'errors',
      against: 'No other figure: a call is served, or refused with 503 and `Retry-After`.',
    }
  })
  const third = Math.max(1, Math.floor(samples.length / 3))
  const most = (some: readonly Sample[]) => Math.max(...some.map(({ resident }) => resident)) / 2 ** 20
  const [first, last] = [most(samples.slice(0, third)), most(samples.slice(-third))]
  const deletionsASecond = result.deleted.length / seconds
  const possible = 1_000 / deletionCosts
  return [
    ...calls,
    {
      name: 'deletions: users a second, of what the panel can delete',
      measured: `${deletionsASecond.toFixed(1)}/s of ${possible.toFixed(1)}/s, single and bulk`,
      value: deletionsASecond / possible,
      limit: { atLeast: 0.6 },
      unit: 'ratio',
      against:
        'A panel whose only core does nothing but read and delete users: no service in front of it can be faster. Here it also lists users.',
    },
    {
      name: 'memory: at most',
      measured: `${most(samples).toFixed(0)} MiB`,
      value: most(samples),
      limit: { atMost: 180 },
      unit: 'MiB',
      against: 'No other figure: the smallest servers have 512 MiB, for the panel and PostgreSQL too.',
    },
    {
      name: 'memory: last third against first',
      measured: `at most ${last.toFixed(0)} MiB against ${first.toFixed(0)} MiB`,
      value: last / first,
      limit: { atMost: memoryGrowsAtMost },
      unit: 'ratio',
      against: 'The beginning of the same load: memory that grows goes on growing.',
    },
    {
      name: 'scan: share of the time',
      measured: `${scanned} users read`,
      value: samples.filter(({ scanning }) => scanning).length / samples.length,
      limit: { atLeast: 1 },
      unit: 'ratio',
      against: 'The whole time: users are read while the clients call.',
    },
    {
      name: 'truth: bytes beside it, of all totals',
      measured: `${beside.length} accounts, ${result.deleted.length} users deleted`,
      value: beside.reduce((sum, bytes) => sum + Math.abs(bytes), 0),
      limit: { atMost: 0 },
      unit: 'bytes',
      against: 'What the panel has booked: the truth.',
    },
    {
      name: 'truth: receipts and sums that are wrong',
      measured: `${outcome.untrue} receipts, ${outcome.inconsistent} accounts`,
      value: outcome.untrue + outcome.inconsistent,
      limit: { atMost: 0 },
      unit: 'errors',
      against: 'What the panel has booked: the truth.',
    },
  ]
}
