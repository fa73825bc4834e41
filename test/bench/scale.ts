import pg from 'pg'
import { openDatabase } from '../../src/store/connection/database.ts'
import { operatorKey } from '../support/keys.ts'
import { fillLedger } from '../support/large-ledger.ts'
import { observeRange } from './fill.ts'
import { fillHistory } from './history.ts'
import type { Bench, Line } from './line.ts'
import { median } from './line.ts'
import { type LoadResult, load } from './load.ts'
import { residentBytes } from './resident.ts'

const mebibyte = 2 ** 20
/** What the service is asked for while others write: accounts all over the ledger. */
const asked = 50
/** An admin of its own, whose users are scanned again and again. */
const scanned = 'scanned'

/** The largest installation that is planned for, with a year behind it: how large, how fast, and what a hundred scans leave. */
export async function benchScale(bench: Bench): Promise<Line[]> {
  const [size, hours, users, scans] = bench.quick
    ? [{ admins: 100, users: 2_000, receipts: 1_000 }, 24, 200, 20]
    : [{ admins: 5_000, users: 1_000_000, receipts: 300_000 }, 8_760, 10_000, 100]
  const url = await bench.database()
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  bench.say(`filling a ledger with ${size.users} users, and a year of history`)
  await fillLedger(client, size)
  await fillHistory(client, hours)
  const sizes = await readSizes(client)
  let db = openDatabase({ url })
  await observeRange(db, scanned, { from: 0, to: users }, () => 1_000n)

  bench.say('stats, at rest and in a scan')
  const nobody = { url: 'http://127.0.0.1:9', sudo: { username: 'root', password: 'none' } }
  const service = await bench.service(nobody, { DATABASE_URL: url })
  const urls = Array.from(
    { length: asked },
    (_, index) => `${service.url}/admins/${1 + Math.floor((index * size.admins) / asked)}/stats`,
  )
  const read = () =>
    load({ urls, headers: { 'x-api-key': operatorKey }, connections: 10, seconds: bench.quick ? 1 : 5 })
  const rest: LoadResult[] = []
  const busy: LoadResult[] = []
  const scan = createScan(() => db, users)
  await read()
  for (let round = 0; round < (bench.quick ? 1 : 5); round += 1) {
    rest.push(await read())
    const scanning = scan.until()
    busy.push(await read())
    await scanning.end()
  }
  const resident = residentBytes(service.child.pid ?? 0) / mebibyte
  await service.end('SIGTERM')

  bench.say(`${scans} scans of ${users} users`)
  // A session that ends has reported what it did.
  await db.destroy()
  const before = await readUpdates(client)
  db = openDatabase({ url })
  const rates: number[] = []
  while (rates.length < scans) rates.push(await scan.once())
  await db.destroy()
  const after = await readUpdates(client)
  await client.end()

  const tenth = Math.ceil(scans / 10)
  const [early, late] = [median(rates.slice(0, tenth)), median(rates.slice(-tenth))]
  const p99 = (results: LoadResult[]) => median(results.map((result) => result.p99))
  const p50 = (results: LoadResult[]) => median(results.map((result) => result.p50))
  const updates = after.updates - before.updates
  return [
    {
      name: 'scale: the database',
      measured: sizes.map(({ name, mib }) => `${name} ${mib}`).join(', '),
      value: sizes.reduce((sum, { mib }) => sum + mib, 0),
      limit: { atMost: 10_240 },
      unit: 'MiB',
      against: 'No other figure: what such an installation needs on its disk, tables with their indexes.',
    },
    {
      name: 'scale: memory of the service',
      measured: `${resident.toFixed(0)} MiB after ${10 * (bench.quick ? 1 : 5)} s of stats`,
      value: resident,
      limit: { atMost: 180 },
      unit: 'MiB',
      against: 'No other figure: the service keeps nothing of the accounts that it has answered.',
    },
    {
      name: 'scale: stats in a scan, p99 against at rest',
      measured: `${p99(busy).toFixed(1)} ms against ${p99(rest).toFixed(1)} ms; p50 ${p50(busy).toFixed(1)} and ${p50(rest).toFixed(1)} ms`,
      value: p99(busy) / p99(rest),
      limit: { atMost: 4 },
      unit: 'ratio',
      against: 'The same load without a scan: both share two cores here, but no lock.',
    },
    {
      name: `scale: the last scans of ${scans}, against the first`,
      measured: `${Math.round(late)}/s against ${Math.round(early)}/s`,
      value: late / early,
      limit: { atLeast: 0.8 },
      unit: 'ratio',
      against: 'The first scans of the same users: what a scan leaves behind must not slow down the next.',
    },
    {
      name: `scale: updates of users in place, in ${scans} scans`,
      measured: `${after.inPlace - before.inPlace} of ${updates}; the users ${after.mib} MiB after ${before.mib}; ${after.dead} dead rows`,
      value: (after.inPlace - before.inPlace) / updates,
      limit: { atLeast: 0.9 },
      unit: 'ratio',
      against:
        'All updates: one that finds room on its page (HOT) touches no index and leaves nothing to vacuum.',
    },
  ]
}

/** Scans the users of one admin, of whom a tenth has consumed since the scan before. */
function createScan(db: () => ReturnType<typeof openDatabase>, users: number) {
  let round = 0
  const once = (to = users) => {
    round += 1
    const now = BigInt(round)
    return observeRange(db(), scanned, { from: 0, to }, (index) => 1_000n + (index % 10 === 0 ? now : 0n))
  }
  return {
    once,
    /** Scans until it is ended. */
    until() {
      let isOver = false
      const going = (async () => {
        while (!isOver) await once(Math.min(users, 1_000))
      })()
      return {
        end: async () => {
          isOver = true
          await going
        },
      }
    },
  }
}

/** The largest tables with their indexes, in MiB; the rest as one. */
async function readSizes(client: pg.Client): Promise<{ name: string; mib: number }[]> {
  const { rows } = await client.query<{ name: string; bytes: string }>(`
    select relname as name, pg_total_relation_size(oid) as bytes from pg_class
    where relkind = 'r' and relnamespace = 'public'::regnamespace order by 2 desc`)
  const inMib = (some: typeof rows) =>
    Math.round(some.reduce((sum, { bytes }) => sum + Number(bytes), 0) / mebibyte)
  const [large, small] = [rows.slice(0, 8), rows.slice(8)]
  return [
    ...large.map((row) => ({ name: row.name, mib: inMib([row]) })),
    { name: 'others', mib: inMib(small) },
  ]
}

async function readUpdates(client: pg.Client) {
  const { rows } = await client.query<Record<'updates' | 'inPlace' | 'dead' | 'bytes', string>>(`
    select n_tup_upd as updates, n_tup_hot_upd as "inPlace", n_dead_tup as dead, pg_total_relation_size(relid) as bytes
    from pg_stat_user_tables where relname = 'tenures'`)
  const [row] = rows
  const number = (value?: string) => Number(value ?? Number.NaN)
  return {
    updates: number(row?.updates),
    inPlace: number(row?.inPlace),
    dead: number(row?.dead),
    mib: Math.round(number(row?.bytes) / mebibyte),
  }
}
