import { operatorKey } from '../support/keys.ts'
import type { Bench, Line } from './line.ts'
import { median } from './line.ts'
import { settled } from './settled.ts'

/** Stats against asking the panel for all users of the admin, as dashboards and bots do. */
export async function benchAgainstPanel(bench: Bench): Promise<Line[]> {
  const [users, rounds] = bench.quick ? [100, 2] : [1_000, 5]
  const panel = await bench.panel({ costs: true, users: { reseller: users } })
  const service = await bench.service(panel, { DATABASE_URL: await bench.database() })
  bench.say(`reading ${users} users once`)
  await settled(service)
  const asking: number[] = []
  const reading: number[] = []
  for (let round = 0; round < rounds; round += 1) {
    asking.push(
      await time(`${panel.url}/api/users?admin=reseller`, { authorization: `Bearer ${panel.token}` }),
    )
    for (let call = 0; call < 20; call += 1) {
      reading.push(await time(`${service.url}/admins/1/stats`, { 'x-api-key': operatorKey }))
    }
  }
  await service.end('SIGTERM')
  await panel.close()
  const [panelMs, ourMs] = [median(asking), median(reading)]
  return [
    {
      name: `stats: of ${users} users, against asking the panel`,
      measured: `${ourMs.toFixed(2)} ms against ${panelMs.toFixed(0)} ms`,
      value: panelMs / ourMs,
      limit: { atLeast: users },
      unit: 'ratio',
      against:
        'What bots and dashboards do without a ledger: they list all users of the admin and add them up.',
    },
  ]
}

async function time(url: string, headers: Record<string, string>): Promise<number> {
  const begun = performance.now()
  const answer = await fetch(url, { headers })
  await answer.text()
  if (answer.status !== 200) throw new Error(`${url} answers ${answer.status}`)
  return performance.now() - begun
}
