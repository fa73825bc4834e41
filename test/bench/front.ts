import type { Bench, Line } from './line.ts'
import { median } from './line.ts'
import { load } from './load.ts'
import { settled } from './settled.ts'

/** Calls passed on to the panel, against the same calls made directly, by turns on the same panel. */
export async function benchFront(bench: Bench): Promise<Line[]> {
  // Two thousand users, a kilobyte each: a panel that takes its time over them would hide what passing on costs.
  const list = await benchCalls(bench, { costs: false, users: 2_000 }, [
    { name: 'list of 2 MB', path: '/api/users', connections: 1 },
  ])
  const small = await benchCalls(bench, { costs: true, users: 10 }, [
    { name: 'small call', path: '/api/admin', connections: 1 },
    { name: 'small call, 50 connections', path: '/api/admin', connections: 50 },
  ])
  return [...small, ...list]
}

type Call = { name: string; path: string; connections: number }

async function benchCalls(
  bench: Bench,
  { costs, users }: { costs: boolean; users: number },
  calls: Call[],
): Promise<Line[]> {
  const [seconds, rounds] = bench.quick ? [1, 1] : [2, 10]
  const panel = await bench.panel({ costs, users: { reseller: users } })
  const service = await bench.service(panel, { DATABASE_URL: await bench.database() })
  const proxy = await bench.proxy(panel)
  await settled(service)
  const lines: Line[] = []
  const ways = { direct: panel.url, proxy: proxy.url, through: service.url }
  for (const { name, path, connections } of calls) {
    bench.say(`front: ${name}`)
    const times: Times = { direct: [], proxy: [], through: [] }
    for (let round = 0; round < rounds; round += 1) {
      for (const way of ['direct', 'proxy', 'through'] as const) {
        const headers = { authorization: `Bearer ${panel.token}` }
        times[way].push((await load({ urls: [ways[way] + path], headers, connections, seconds })).p50)
      }
    }
    lines.push(...linesOf(name, times))
  }
  await service.end('SIGTERM')
  await proxy.close()
  await panel.close()
  return lines
}

/** Milliseconds of a call, round by round: made directly, through a proxy that only copies, and through the service. */
type Times = Record<'direct' | 'proxy' | 'through', number[]>

/** A call through the front may take 2 ms more, or a fifth more where that is longer. */
function linesOf(name: string, times: Times): Line[] {
  const [direct, proxy, through] = [median(times.direct), median(times.proxy), median(times.through)]
  // Round by round: the machine is faster in one than in the next.
  const against = (other: readonly number[]) =>
    median(times.through.map((ms, round) => ms / (other[round] ?? Number.NaN)))
  return [
    {
      name: `front: ${name}, against the panel`,
      measured: `${through.toFixed(2)} ms against ${direct.toFixed(2)} ms`,
      value: against(times.direct),
      limit: { atMost: Math.max(1.2, (direct + 2) / direct) },
      unit: 'ratio',
      against: 'The same call made directly to the panel: dashboards and bots must not notice the service.',
    },
    {
      name: `front: ${name}, against a bare proxy`,
      measured: `${through.toFixed(2)} ms against ${proxy.toFixed(2)} ms`,
      value: against(times.proxy),
      limit: { atMost: Math.max(1.1, (proxy + 2) / proxy) },
      unit: 'ratio',
      against: 'A process that only copies bytes between the same two ends: no front can be faster here.',
    },
  ]
}
