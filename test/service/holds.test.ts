import { afterAll, expect, test } from 'vitest'
import { type StandInPanel, startPanel } from '../stand-in/start.ts'
import { createTestDatabase } from '../support/database.ts'
import { effort, runsLongTests } from '../support/effort.ts'
import { type ServiceProcess, spawnService } from '../support/spawn-service.ts'
import { until } from '../support/until.ts'

const started: { end(): Promise<unknown> }[] = []
afterAll(async () => {
  for (const one of started.toReversed()) await one.end()
})

/** Each costs the 20 seconds after which a replica is missed. */
const kill = effort('HOLD_KILLS', { newcomer: 1, ci: 1 })
const names = Array.from({ length: 60 }, (_, index) => `user_${index}`)

/** How many users have each status: `active 3, disabled 57`. */
function countStatuses(panel: StandInPanel): string {
  const counts = new Map<string, number>()
  for (const { status } of panel.state.users.values()) counts.set(status, (counts.get(status) ?? 0) + 1)
  return [...counts]
    .map(([status, count]) => `${status} ${count}`)
    .sort()
    .join(', ')
}

test.runIf(runsLongTests)(
  'a service killed again and again while it disables and enables users forgets none',
  {
    timeout: 180_000,
  },
  async () => {
    const panel = await startPanel()
    started.push({ end: () => panel.close() })
    const database = await createTestDatabase()
    started.push({ end: () => database.drop() })
    panel.state.createAdmin('ana')
    for (const [index, name] of names.entries()) {
      const waits = { status: 'on_hold', onHoldExpireDuration: 3_600 }
      panel.state.createUser(name, { admin: 'ana', ...(index % 10 === 0 && waits) })
    }
    const before = countStatuses(panel)
    const environment = { DATABASE_URL: database.url, POLL_INTERVAL: '1', PANEL_LAG: '0' }
    let service: ServiceProcess | undefined
    const start = async () => {
      service = await spawnService(panel, environment)
      return service
    }
    started.push({ end: async () => service?.end('SIGTERM') })
    /** Kills the service as soon as some users are changed, until all are. */
    const reach = async (goal: string, isUnderWay: () => boolean): Promise<void> => {
      for (let kills = 0; kills < kill && countStatuses(panel) !== goal; kills += 1) {
        const asked = panel.requests.length
        await until(
          'some users are changed',
          async () => (isUnderWay() && panel.requests.length > asked + 10) || countStatuses(panel) === goal,
        )
        await service?.end('SIGKILL')
        await start()
      }
      await until(`the panel has ${goal}`, async () => countStatuses(panel) === goal)
    }

    let running = await start()
    const ana = async () => {
      const { body } = await running.call('GET', '/admins?username=ana')
      return (body as { items?: { id: number; limit: { hold: unknown } | null }[] }).items?.[0]
    }
    await until('the account is open', async () => (await ana()) !== undefined)
    const url = `/admins/${(await ana())?.id}`
    const limit = { traffic_limit: 1_000, period: null, on_exceed: 'disable_users' }
    expect((await running.call('PUT', `${url}/limit`, limit)).status).toBe(200)
    await until('the limit counts', async () => {
      const { body } = await running.call('GET', `${url}/limit`)
      return !(body as { status: { pending: boolean } }).status.pending
    })
    panel.state.accrue('user_1', 1_000)
    await reach('disabled 60', () => countStatuses(panel) !== before)
    running = service as ServiceProcess
    // Somebody enables one behind our back.
    panel.state.resetUser('user_5')
    await until('it is disabled again', async () => countStatuses(panel) === 'disabled 60')
    expect(await ana()).toMatchObject({
      limit: { state: 'exceeded', hold: { reasons: ['limit'], failed: 0 } },
    })

    expect((await running.call('POST', `${url}/grants`, { bytes: 500 })).status).toBe(201)
    await reach(before, () => countStatuses(panel) !== 'disabled 60')
    running = service as ServiceProcess
    const { body } = await running.call('GET', `${url}/stats`)
    expect(body).toMatchObject({ total_traffic: 1_000, limit: { state: 'ok', used: 1_000 } })
    expect(await service?.end('SIGTERM')).toBe(0)
    service = undefined
  },
)
