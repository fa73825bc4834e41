import { afterAll, beforeAll, expect, test } from 'vitest'
import { createCuttable } from '../http/cuttable.ts'
import { type StandInPanel, startPanel } from '../stand-in/start.ts'
import { type ServiceProcess, startServiceProcess, until } from '../support/service-process.ts'
import { type Pair, startPair } from '../support/standby.ts'

const way = createCuttable()
let pair: Pair
let panel: StandInPanel
let service: ServiceProcess

beforeAll(async () => {
  pair = await startPair()
  panel = await startPanel()
  panel.state.createAdmin('ada')
  for (const name of ['u1', 'u2', 'u3']) panel.state.createUser(name, { admin: 'ada' })
  service = await startServiceProcess(panel, {
    DATABASE_URL: await way.via(pair.primaryUrl),
    POLL_INTERVAL: '1',
    SCAN_INTERVAL: '10',
  })
}, 60_000)
afterAll(async () => {
  expect(await service.end('SIGTERM')).toBe(0)
  await panel.close()
  await way.close()
  await pair.close()
})

async function total(): Promise<unknown> {
  const { status, body } = await service.call('GET', '/admins?username=ada')
  return status === 200 ? (body as { items: { total_traffic: number }[] }).items[0]?.total_traffic : status
}

async function failing(): Promise<{ code?: string; times: number }[]> {
  const { status, body } = await service.call('GET', '/readyz')
  return status === 200 ? (body as { failing: { code: string; times: number }[] }).failing : [{ times: 0 }]
}

/** What an address that follows the primary does: those who are connected are cut off, and the next ones come elsewhere. */
function lead(url: string): void {
  way.cut()
  way.lead(url)
  way.restore()
}

test('a failover loses nothing: the standby takes over first without writing, then as the primary', {
  timeout: 150_000,
}, async () => {
  panel.state.accrue('u1', 5)
  await until('the first bytes are counted', async () => (await total()) === 5)
  expect((await service.call('DELETE', '/users/u1')).status).toBe(200)

  lead(pair.standbyUrl)
  await pair.losePrimary()
  panel.state.accrue('u2', 7)
  expect(await service.call('DELETE', '/users/u2')).toMatchObject({
    status: 503,
    body: { code: 'database_unavailable' },
  })
  expect(panel.state.users.has('u2')).toBe(true)
  await until('what fails in the background is shown', async () =>
    (await failing()).some(({ times }) => times > 1),
  )
  for (const { code } of await failing()) expect(code).toBe('database_unavailable')

  await pair.promote()
  await until('the bytes of meanwhile are counted', async () => (await total()) === 12, 60_000)
  expect((await service.call('GET', '/deletions')).body).toMatchObject({
    items: [{ username: 'u1', state: 'deleted', preserved_bytes: 5 }],
  })
  expect((await service.call('DELETE', '/users/u2')).status).toBe(200)
  await until('nothing fails any more', async () => (await failing()).length === 0)
  expect(await total()).toBe(12)
})
