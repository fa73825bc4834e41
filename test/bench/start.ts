import type { Bench, Line } from './line.ts'
import { median } from './line.ts'

/** Seconds from starting the process until it listens. */
export async function benchStart(bench: Bench): Promise<Line[]> {
  const runs = bench.quick ? 1 : 5
  const panel = await bench.panel({ costs: true, users: { reseller: 10 } })
  const DATABASE_URL = await bench.database()
  const kept = await bench.directory()
  const seconds: Record<'external' | 'first' | 'again', number[]> = { external: [], first: [], again: [] }
  const start = async (environment: Record<string, string>) => {
    const begun = performance.now()
    const service = await bench.service(panel, environment)
    const took = (performance.now() - begun) / 1_000
    await service.end('SIGTERM')
    return took
  }
  if (!bench.quick) {
    // The first start of all compiles and migrates.
    await start({ DATABASE_URL })
    await start({ DATA_DIR: kept })
  }
  for (let run = 1; run <= runs; run += 1) {
    bench.say(`starting, ${run} of ${runs}`)
    seconds.external.push(await start({ DATABASE_URL }))
    seconds.first.push(await start({ DATA_DIR: await bench.directory() }))
    seconds.again.push(await start({ DATA_DIR: kept }))
  }
  await panel.close()
  const line = (name: string, values: readonly number[], atMost: number): Line => ({
    name: `start: ${name}`,
    measured: values.map((value) => `${value.toFixed(2)} s`).join(', '),
    value: median(values),
    limit: { atMost },
    unit: 's',
    against: 'No other figure: whoever restarts the service waits for it.',
  })
  return [
    line('embedded PostgreSQL, first', seconds.first, 3),
    line('embedded PostgreSQL, again', seconds.again, 2),
    line('with DATABASE_URL', seconds.external, 1),
  ]
}
