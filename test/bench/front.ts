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
  const [seconds, rounds] = bench.quick ? [1, 1] : [4, 5]
  const panel = await bench.panel({ costs, users: { reseller: users } })
  const service = await bench.service(panel, { DATABASE_URL: await bench.database() })
  await settled(service)
  const lines: Line[] = []
  for (const { name, path, connections } of calls) {
    bench.say(`front: ${name}`)
    const direct: number[] = []
    const through: number[] = []
    for (let round = 0; round < rounds; round += 1) {
      for (const [url, into] of [
        [panel.url, direct],
        [service.url, through],
      ] as const) {
        const headers = { authorization: `Bearer ${panel.token}` }
        into.push((await load({ urls: [url + path], headers, connections, seconds })).p50)
      }
    }
    lines.push(lineOf(name, median(direct), median(through)))
  }
  await service.end('SIGTERM')
  await panel.close()
  return lines
}

/** A call through the front may take 2 ms more, or a fifth more where that is longer. */
function lineOf(name: string, direct: number, through: number): Line {
  return {
    name: `front: ${name}, against the panel`,
    measured: `${through.toFixed(2)} ms against ${direct.toFixed(2)} ms`,
    value: through / direct,
    limit: { atMost: Math.max(1.2, (direct + 2) / direct) },
    unit: 'ratio',
    against: 'The same call made directly to the panel: dashboards and bots must not notice the service.',
  }
}
