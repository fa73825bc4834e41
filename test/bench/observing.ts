import pg from 'pg'
import { type Database, openDatabase } from '../../src/store/connection/database.ts'
import { observeRange, rateOf } from './fill.ts'
import type { Bench, Line } from './line.ts'
import { median } from './line.ts'

const admin = 'reseller'

/** Users observed a second, as a scan does it: one page after the other, each durable before the next. */
export async function benchObserving(bench: Bench): Promise<Line[]> {
  const [few, many, sample] = bench.quick ? [1_000, 4_000, 1_000] : [10_000, 1_000_000, 10_000]
  const url = await bench.database()
  const db = openDatabase({ url })
  const runs = bench.quick ? 1 : 5
  await observeRange(db, 'warm', { from: 0, to: sample }, () => 1_000n)
  const readers = createReaders(db, sample)
  const first = await observeRange(db, admin, { from: 0, to: few }, readers.lifetimeOf)
  const withFew = median(await repeat(runs, () => readers.read(1)))
  bench.say(`observing ${many} users`)
  const rest = await observeRange(db, admin, { from: few, to: many }, readers.lifetimeOf)
  const bare = await openBare(url, sample)
  const rates: Record<'all' | 'tenth' | 'none' | 'bare', number[]> = {
    all: [],
    tenth: [],
    none: [],
    bare: [],
  }
  // By turns: what else the machine does meanwhile slows down each of them.
  for (let run = 0; run < runs; run += 1) {
    rates.all.push(await readers.read(1))
    rates.bare.push(await bare.update())
    rates.tenth.push(await readers.read(10))
    rates.none.push(await readers.read(0))
  }
  await bare.close()
  await db.destroy()
  const [withMany, tenth, none, limit] = [rates.all, rates.tenth, rates.none, rates.bare].map(median)
  const rate = (value = Number.NaN) => `${Math.round(value)}/s`
  const usersASecond = (name: string, measured: string, value = Number.NaN): Line => ({
    name: `observing: ${name}`,
    measured,
    value,
    limit: { atLeast: 20_000 },
    unit: 'users/s',
    against:
      'No other figure: a panel delivers about 250 users/s, and the ledger is to have time for much else.',
  })
  return [
    usersASecond(
      'users that consumed since',
      `${rate(withFew)} of ${few}, ${rate(withMany)} of ${many}`,
      withMany,
    ),
    usersASecond('users of whom a tenth consumed since', rate(tenth), tenth),
    usersASecond('users of whom nobody consumed since', rate(none), none),
    {
      name: 'observing: users that consumed since, against the bare rows',
      measured: `${rate(withMany)} against ${rate(limit)}`,
      value: (withMany ?? 0) / (limit ?? 1),
      limit: { atLeast: 0.5 },
      unit: 'ratio',
      against:
        'The same rows, changed by one statement and one commit for each 100 through the driver alone: what PostgreSQL can do at most.',
    },
    usersASecond(
      'users never seen before',
      `the first ${few} at ${rate(first)}, the rest at ${rate(rest)}`,
      rest,
    ),
    {
      name: `observing: with ${many} users, against ${few}`,
      measured: `${rate(withMany)} against ${rate(withFew)}`,
      value: (withMany ?? 0) / withFew,
      limit: { atLeast: 0.8 },
      unit: 'ratio',
      against: 'A small ledger: a page of users must not take longer because there are more of them.',
    },
  ]
}

async function repeat(times: number, measure: () => Promise<number>): Promise<number[]> {
  const values: number[] = []
  while (values.length < times) values.push(await measure())
  return values
}

/** Rereads the first users, of which every `step`th has consumed since; 0: none has. */
function createReaders(db: Database, sample: number) {
  const lifetimes = new Map<number, bigint>()
  const lifetimeOf = (index: number) => lifetimes.get(index) ?? 1_000n
  return {
    lifetimeOf,
    read(step: number): Promise<number> {
      for (let index = 0; step > 0 && index < sample; index += step) {
        lifetimes.set(index, lifetimeOf(index) + 1_000n)
      }
      return observeRange(db, admin, { from: 0, to: sample }, lifetimeOf, true)
    },
  }
}

/** What PostgreSQL and the driver can do: the same rows, by one statement and one commit a page. It leaves them as they are. */
async function openBare(url: string, sample: number) {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const text = `
    update tenures set reading = new.reading, counted = new.counted, answered = $4, asked = $4, seen_at = $5
    from unnest($1::bigint[], $2::bigint[], $3::bigint[]) as new (id, reading, counted)
    where tenures.id = new.id`
  return {
    async update(): Promise<number> {
      const { rows } = await client.query<{ id: string; reading: string; counted: string }>(
        `select tenures.id, reading, counted from tenures join admins on admins.id = admin_id
         where admins.username = $1 order by tenures.id limit $2`,
        [admin, sample],
      )
      return rateOf({ from: 0, to: sample }, async (page) => {
        const own = page.flatMap((index) => rows[index] ?? [])
        const ids = own.map(({ id }) => id)
        const readings = own.map(({ reading }) => reading)
        const counted = own.map((row) => row.counted)
        await client.query(text, [ids, readings, counted, 1, new Date()])
      })
    },
    close: () => client.end(),
  }
}
