import type { ServiceProcess } from '../support/spawn-service.ts'
import type { Bench, Line } from './line.ts'
import { residentBytes } from './resident.ts'
import { settled } from './settled.ts'

/** Resident memory (in MiB) of the whole service while it reads few users and many: in a scan, then for a reset of all. */
export async function benchMemory(bench: Bench): Promise<Line[]> {
  const [few, many] = bench.quick ? [200, 1_000] : [2_000, 50_000]
  const withFew = await read(bench, few)
  const withMany = await read(bench, many)
  return [
    {
      name: `memory: the service in a scan of ${many} users`,
      measured: `at most ${withMany.scan.toFixed(0)} MiB; with ${few} users ${withFew.scan.toFixed(0)} MiB`,
      value: withMany.scan,
      limit: { atMost: 120 },
      unit: 'MiB',
      against: 'No other figure: the smallest servers have 512 MiB, for the panel and PostgreSQL too.',
    },
    {
      name: `memory: in a reset of ${many} users through the front, against the scan`,
      measured: `at most ${withMany.reset.toFixed(0)} MiB against ${withMany.scan.toFixed(0)} MiB`,
      value: withMany.reset / withMany.scan,
      limit: { atMost: 1.2 },
      unit: 'ratio',
      against: 'The scan: a reset reads as many users first, and must not keep them.',
    },
  ]
}

async function read(bench: Bench, users: number): Promise<{ scan: number; reset: number }> {
  bench.say(`scanning ${users} users, and resetting them`)
  const panel = await bench.panel({ costs: false, users: { reseller: users } })
  // What the start took is given back before the scan gets far.
  const service = await bench.service(panel, { DATABASE_URL: await bench.database() })
  const scan = await mostWhile(service, () => settled(service))
  const reset = await mostWhile(service, async () => {
    const headers = { authorization: `Bearer ${panel.token}` }
    const { status } = await fetch(`${service.url}/api/users/reset`, { method: 'POST', headers })
    if (status !== 200) throw new Error(`the reset was answered with ${status}`)
  })
  await service.end('SIGTERM')
  await panel.close()
  return { scan, reset }
}

/** The most memory, in MiB, that the service has while something is done. */
async function mostWhile({ child }: ServiceProcess, work: () => Promise<void>): Promise<number> {
  let most = 0
  const watching = setInterval(() => {
    most = Math.max(most, residentBytes(child.pid ?? 0))
  }, 100)
  try {
    await work()
  } finally {
    clearInterval(watching)
  }
  return most / 2 ** 20
}
