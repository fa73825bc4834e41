import { spawnService } from '../support/spawn-service.ts'
import type { Bench, Line } from './line.ts'
import { median } from './line.ts'
import { load } from './load.ts'
import { settled } from './settled.ts'

/** Calls passed on to the panel, against the same calls made directly, by turns on the same panel. */
export async function benchFront(bench: Bench): Promise<Line[]> {
  const [seconds, rounds] = bench.quick ? [1, 1] : [4, 5]
  // A user is written as about a kilobyte.
  const panel = await bench.panel({ costs: false, users: { reseller: 2_000 } })
  const service = await spawnService(panel, { DATABASE_URL: await bench.database() })
  await settled(service)
  const compare = async (name: string, path: string, connections: number): Promise<Line> => {
    bench.say(`front: ${name}`)
    const direct: number[] = []
    const through: number[] = []
    for (let round = 0; round < rounds; round += 1) {
      for (const [url, into] of [
        [panel.url, direct],
        [service.url, through],
      ] as const) {
        const headers = { authorization: `Bearer ${panel.token}` }
        into.push((await load({ url: url + path, headers, connections, seconds })).p50)
      }
    }
    return lineOf(name, median(direct), median(through))
  }
  const lines = [
    await compare('small call', '/api/admin', 1),
    await compare('list of 2 MB', '/api/users', 1),
    await compare('small call, 50 connections', '/api/admin', 50),
  ]
  await service.end('SIGTERM')
  await panel.close()
  return lines
}

/** What the front adds: 2 ms, or a fifth of the call itself where that is more. */
function lineOf(name: string, direct: number, through: number): Line {
  return {
    name: `front: ${name}, added`,
    measured: `${through.toFixed(2)} ms against ${direct.toFixed(2)} ms: ${(through / direct).toFixed(2)} times`,
    value: through - direct,
    limit: { atMost: Math.max(2, 0.2 * direct) },
    unit: 'ms',
  }
}
