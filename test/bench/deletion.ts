import { operatorKey } from '../support/keys.ts'
import type { Bench, Line } from './line.ts'
import { median } from './line.ts'
import { settled } from './settled.ts'

/** A deletion through the service against a GET and a DELETE made directly, by turns on the same panel. */
export async function benchDeletion(bench: Bench): Promise<Line[]> {
  const rounds = bench.quick ? 5 : 100
  const panel = await bench.panel({ costs: true, users: { reseller: 2 * rounds } })
  const service = await bench.service(panel, { DATABASE_URL: await bench.database() })
  await settled(service)
  bench.say(`deleting ${2 * rounds} users`)
  const bearer = { authorization: `Bearer ${panel.token}` }
  const through: number[] = []
  const direct: number[] = []
  for (let round = 0; round < rounds; round += 1) {
    const [ours, theirs] = [`reseller_${2 * round}`, `reseller_${2 * round + 1}`]
    const begun = performance.now()
    await call('DELETE', `${service.url}/users/${ours}`, { 'x-api-key': operatorKey })
    const between = performance.now()
    await call('GET', `${panel.url}/api/user/${theirs}`, bearer)
    await call('DELETE', `${panel.url}/api/user/${theirs}`, bearer)
    through.push(between - begun)
    direct.push(performance.now() - between)
  }
  await service.end('SIGTERM')
  await panel.close()
  return [
    {
      name: 'deletion: against GET and DELETE at the panel',
      measured: `${median(through).toFixed(1)} ms against ${median(direct).toFixed(1)} ms`,
      value: median(through) / median(direct),
      limit: { atMost: 1.3 },
      unit: 'ratio',
      against:
        'What a careful bot does by itself at the panel: it reads the user, notes the bytes and deletes it.',
    },
  ]
}

async function call(method: string, url: string, headers: Record<string, string>): Promise<void> {
  const answer = await fetch(url, { method, headers })
  const body = await answer.text()
  if (answer.status !== 200) throw new Error(`${method} ${url} answers ${answer.status}: ${body}`)
}
