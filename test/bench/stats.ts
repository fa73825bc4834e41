import Fastify from 'fastify'
import { buildApp } from '../../src/app.ts'
import { createLogger } from '../../src/log.ts'
import { createPanelClient } from '../../src/panel/marzban/client.ts'
import { type Database, openDatabase } from '../../src/store/connection/database.ts'
import { openWorkerSession } from '../../src/store/connection/worker-session.ts'
import { createStats } from '../../src/work/accounts/stats.ts'
import { createCallers } from '../../src/work/callers/callers.ts'
import { createDeletions } from '../../src/work/deleting/deletions.ts'
import { createLedgerApi } from '../../src/work/ledger-api.ts'
import { createLimits } from '../../src/work/limits/limits.ts'
import type { SetLimit } from '../../src/work/limits/set-limit.ts'
import { createPanelLag } from '../../src/work/observing/panel-lag.ts'
import { operatorKey } from '../support/keys.ts'
import { observeRange } from './fill.ts'
import type { Bench, Line } from './line.ts'
import { median } from './line.ts'
import { type LoadResult, load } from './load.ts'

const connections = 50
/** As many as there are connections: no two callers ask for the same account. */
const admins = connections
const monthly: SetLimit = {
  request: {
    trafficLimit: 1_000_000n,
    countFrom: null,
    period: { unit: 'month', anchorDay: null, timezone: 'Asia/Tehran' },
    carryOver: 'debt',
    validUntil: null,
    warnAt: [80, 95],
    onExceed: 'disable_users',
  },
  expected: null,
  isDryRun: false,
  by: 'api_key',
}
const bareRoute =
  'A route of the same HTTP framework that only does one select by key through the same pool: what can be had at most. It may be ' +
  'exceeded, since callers of the same moment share a statement here.'
const headers = { 'x-api-key': operatorKey }

/** Stats by key against a bare route that does one select by key through the same pool. */
export async function benchStats(bench: Bench): Promise<Line[]> {
  const [seconds, rounds, many] = bench.quick ? [1, 1, 2_000] : [1.5, 15, 100_000]
  const url = await bench.database()
  const db = openDatabase({ url })
  for (let admin = 0; admin < admins; admin += 1)
    for (const kind of ['small', 'limited'])
      await observeRange(db, `${kind}${admin}`, { from: 0, to: 10 }, () => 1_000n)
  bench.say(`observing ${many} users of one admin`)
  await observeRange(db, 'large', { from: 0, to: many }, () => 1_000n)
  const small = await accountIds(db, 'small')
  const [large] = await accountIds(db, 'large')
  const limited = await accountIds(db, 'limited')
  const limits = createLimits({ db })
  for (const id of limited) await limits.set(id, monthly)
  const app = buildService(url, db)
  const bare = Fastify()
  bare.get<{ Params: { id: string } }>('/bare/:id', async ({ params }) => {
    const row = await db
      .selectFrom('cumulative_traffic')
      .select('total_traffic_consumed as total')
      .where('admin_id', '=', BigInt(params.id))
      .executeTakeFirstOrThrow()
    return { total: Number(row.total) }
  })
  const ours = await app.listen({ port: 0, host: '127.0.0.1' })
  const theirs = await bare.listen({ port: 0, host: '127.0.0.1' })
  const targets = {
    bare: small.map((id) => `${theirs}/bare/${id}`),
    stats: small.map((id) => `${ours}/admins/${id}/stats`),
    withLimit: limited.map((id) => `${ours}/admins/${id}/stats`),
    ofMany: [`${ours}/admins/${large}/stats`],
  }
  const results: Record<keyof typeof targets, LoadResult[]> = {
    bare: [],
    stats: [],
    withLimit: [],
    ofMany: [],
  }
  const names = ['bare', 'stats', 'withLimit', 'ofMany'] as const
  const warmUp = bench.quick ? 0 : 3
  for (let round = 1 - warmUp; round <= rounds; round += 1) {
    bench.say(`loading, round ${round} of ${rounds}`)
    // Each by turns first: what one leaves behind, the next has to bear.
    const first = (round + warmUp) % names.length
    for (const name of [...names.slice(first), ...names.slice(0, first)]) {
      const result = await load({ urls: targets[name], headers, connections, seconds })
      if (round > 0) results[name].push(result)
    }
  }
  await app.close()
  await bare.close()
  await db.destroy()
  const of = (name: keyof typeof targets, figure: keyof LoadResult) =>
    median(results[name].map((result) => result[figure]))
  // Round by round: the machine is faster in one than in the next.
  const ratio = (name: keyof typeof targets, other: keyof typeof targets, figure: keyof LoadResult) =>
    median(results[name].map((result, round) => result[figure] / (results[other][round]?.[figure] ?? 0)))
  return [
    {
      name: 'stats: requests a second, against a bare route',
      measured: `${Math.round(of('stats', 'rate'))}/s against ${Math.round(of('bare', 'rate'))}/s`,
      value: ratio('stats', 'bare', 'rate'),
      limit: { atLeast: 0.95 },
      unit: 'ratio',
      against: bareRoute,
    },
    {
      name: 'stats: p99, against a bare route',
      measured: `${of('stats', 'p99').toFixed(1)} ms against ${of('bare', 'p99').toFixed(1)} ms`,
      value: ratio('stats', 'bare', 'p99'),
      limit: { atMost: 3 },
      unit: 'ratio',
      against: bareRoute,
    },
    {
      name: 'stats: an admin with a limit, against one without',
      measured: `${Math.round(of('withLimit', 'rate'))}/s against ${Math.round(of('stats', 'rate'))}/s`,
      value: ratio('withLimit', 'stats', 'rate'),
      limit: { atLeast: 0.9 },
      unit: 'ratio',
      against: 'Accounts without a limit: whoever sets limits must not wait longer for stats.',
    },
    {
      name: `stats: admin with ${many} users, against one with 10`,
      measured: `${Math.round(of('ofMany', 'rate'))}/s against ${Math.round(of('stats', 'rate'))}/s`,
      value: ratio('ofMany', 'stats', 'rate'),
      limit: { atLeast: 0.9 },
      unit: 'ratio',
      against: 'A small account: the answer must not depend on how many users an admin has.',
    },
  ]
}

async function accountIds(db: Database, prefix: string): Promise<bigint[]> {
  const rows = await db.selectFrom('admins').select('id').where('username', 'like', `${prefix}%`).execute()
  return rows.map(({ id }) => id)
}

/** The application as the service builds it, without background work; the panel is never asked. */
function buildService(url: string, db: Database) {
  const panel = createPanelClient({ url: 'http://127.0.0.1:9', username: '', password: '', timeoutMs: 1_000 })
  const observing = { db, panel, panelLag: createPanelLag(0) }
  const worker = openWorkerSession(url)
  const services = createLedgerApi({
    db,
    callers: createCallers({ db, panel, apiKey: operatorKey, now: Date.now }),
    stats: createStats({
      ...observing,
      pollIntervalSeconds: 15,
      scanIntervalSeconds: 600,
      now: () => performance.now(),
      onFailure: () => {},
    }),
    deletions: createDeletions({ ...observing, worker, graceMs: 60_000 }),
    requestPoll: async () => {},
    now: () => performance.now(),
  })
  const app = buildApp({ services, log: createLogger('warn'), version: '0.0.0' })
  app.addHook('onClose', async () => {
    await worker.close()
    await panel.close()
  })
  return app
}
