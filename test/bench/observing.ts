import { openDatabase } from '../../src/store/connection/database.ts'
import { observeRange } from './fill.ts'
import type { Bench, Line } from './line.ts'
import { median } from './line.ts'

/** Users observed a second, as a scan does it: one page after the other, each durable before the next. */
export async function benchObserving(bench: Bench): Promise<Line[]> {
  const [few, many, sample] = bench.quick ? [1_000, 4_000, 1_000] : [10_000, 1_000_000, 10_000]
  const db = openDatabase({ url: await bench.database() })
  let lifetime = 1_000n
  /** Rereads the first users, all of which have consumed: of several runs the median. */
  const reread = async () => {
    const rates: number[] = []
    for (let run = 0; run < (bench.quick ? 1 : 5); run += 1) {
      lifetime += 1_000n
      rates.push(await observeRange(db, 'reseller', { from: 0, to: sample }, lifetime))
    }
    return median(rates)
  }
  await observeRange(db, 'warm', { from: 0, to: sample }, lifetime)
  const first = await observeRange(db, 'reseller', { from: 0, to: few }, lifetime)
  const withFew = await reread()
  bench.say(`observing ${many} users`)
  const rest = await observeRange(db, 'reseller', { from: few, to: many }, lifetime)
  const withMany = await reread()
  await db.destroy()
  const rate = (value: number) => `${Math.round(value)}/s`
  return [
    {
      name: 'observing: users that consumed since',
      measured: `${rate(withFew)} of ${few}, ${rate(withMany)} of ${many}`,
      value: withMany,
      limit: { atLeast: 20_000 },
      unit: 'users/s',
    },
    {
      name: 'observing: users never seen before',
      measured: `the first ${few} at ${rate(first)}, the rest at ${rate(rest)}`,
      value: rest,
      limit: { atLeast: 20_000 },
      unit: 'users/s',
    },
    {
      name: `observing: with ${many} users, against ${few}`,
      measured: `${rate(withMany)} against ${rate(withFew)}`,
      value: withMany / withFew,
      limit: { atLeast: 0.8 },
      unit: 'ratio',
    },
  ]
}
