import { spawnService } from '../support/spawn-service.ts'
import type { Bench, Line } from './line.ts'
import { residentBytes } from './resident.ts'
import { settled } from './settled.ts'

/** Resident memory (in MiB) of the whole service while it scans an admin with few and with many users. */
export async function benchMemory(bench: Bench): Promise<Line[]> {
  const [few, many] = bench.quick ? [200, 1_000] : [2_000, 40_000]
  const withFew = await scan(bench, few)
  const withMany = await scan(bench, many)
  return [
    {
      name: `memory: the service in a scan of ${many} users`,
      measured: `at most ${withMany.toFixed(0)} MiB; with ${few} users ${withFew.toFixed(0)} MiB`,
      value: withMany,
      limit: { atMost: 150 },
      unit: 'MiB',
    },
  ]
}

async function scan(bench: Bench, users: number): Promise<number> {
  bench.say(`scanning ${users} users`)
  const panel = await bench.panel({ costs: false, users: { reseller: users } })
  const service = await spawnService(panel, { DATABASE_URL: await bench.database() })
  let most = 0
  // What the start took is given back before the scan gets far.
  const watching = setInterval(() => {
    most = Math.max(most, residentBytes(service.child.pid ?? 0))
  }, 100)
  await settled(service)
  clearInterval(watching)
  await service.end('SIGTERM')
  await panel.close()
  return most / 2 ** 20
}
