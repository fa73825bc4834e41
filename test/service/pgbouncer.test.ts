import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest'
import { type StandInPanel, startPanel } from '../stand-in/start.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { type Pooler, pgbouncer, startPgbouncer } from '../support/pgbouncer.ts'
import { refusedStart, runService } from '../support/run-service.ts'
import { startServiceProcess, until } from '../support/service-process.ts'

if (!pgbouncer)
  console.warn('PgBouncer is not tested: this machine has no `pgbouncer`. On Debian: apt install pgbouncer')

describe.skipIf(!pgbouncer)('through PgBouncer', { timeout: 90_000 }, () => {
  let database: TestDatabase
  let panel: StandInPanel
  let pooler: Pooler

  beforeAll(async () => {
    database = await createTestDatabase()
    panel = await startPanel()
    panel.state.createAdmin('ada')
    for (let index = 0; index < 30; index += 1)
      panel.state.createUser(`u${index}`, { admin: 'ada', lifetime: 1n })
  })
  afterAll(async () => {
    await panel.close()
    await database.drop()
  })
  afterEach(() => pooler.stop())

  const begin = async (settings: Record<string, string>) => {
    pooler = await startPgbouncer(database.url, inject('runDir'), settings)
    return pooler.url
  }

  test.each([
    ['as it is installed', {}],
    ['that drops settings of the startup packet', { ignore_startup_parameters: 'options,statement_timeout' }],
  ])('in session mode, %s, everything works', async (_what, settings) => {
    const url = await begin({ pool_mode: 'session', default_pool_size: '40', ...settings })
    const service = await startServiceProcess(panel, { DATABASE_URL: url, POLL_INTERVAL: '1' })
    await until('all is counted', async () => {
      const { status, body } = await service.call('GET', '/admins?username=ada')
      if (status !== 200) return false
      return ((body as { items: { total_traffic: number }[] }).items[0]?.total_traffic ?? 0) >= 30
    })
    const statuses = new Set<number>()
    for (let round = 0; round < 8; round += 1) {
      const calls = Array.from({ length: 40 }, () => service.call('GET', '/admins/1/stats'))
      for (const { status } of await Promise.all(calls)) statuses.add(status)
    }
    expect([...statuses]).toEqual([200])
    const username = panel.state.users.keys().next().value ?? ''
    expect((await service.call('DELETE', `/users/${username}`)).status).toBe(200)
    expect(await service.end('SIGTERM')).toBe(0)
    expect(service.output()).not.toMatch(/"level":(50|60)/)
  })

  test.each(['transaction', 'statement'])(
    'in %s mode, the start is refused with the remedy',
    async (mode) => {
      // Sessions that nobody uses must not hide the mode.
      const url = await begin({ pool_mode: mode, default_pool_size: '20', min_pool_size: '5' })
      const output = await refusedStart(panel, url)
      expect(output).toContain('Set pool_mode = session for this database')
    },
  )

  test('in transaction mode with one session, too', async () => {
    const url = await begin({ pool_mode: 'transaction', default_pool_size: '1' })
    const { code, output } = await runService({
      MARZBAN_URL: panel.url,
      MARZBAN_USERNAME: panel.sudo.username,
      MARZBAN_PASSWORD: panel.sudo.password,
      DATABASE_URL: url,
      PORT: '0',
    })
    expect(code, output).toBe(1)
    expect(output).toContain('Set pool_mode = session for this database')
  })

  test('a setting in DATABASE_URL that it refuses, and a wrong password, end the start at once', async () => {
    const url = await begin({ pool_mode: 'session' })
    const start = async (DATABASE_URL: string) =>
      runService({
        MARZBAN_URL: panel.url,
        MARZBAN_USERNAME: panel.sudo.username,
        MARZBAN_PASSWORD: panel.sudo.password,
        DATABASE_URL,
        PORT: '0',
      })
    const setting = await start(`${url}?options=-c%20work_mem%3D1MB`)
    expect([setting.code, setting.output]).toEqual([1, expect.stringContaining('Remove it from `options`')])
    const wrong = new URL(url)
    wrong.password = 'wrong'
    const password = await start(wrong.href)
    expect([password.code, password.output]).toEqual([
      1,
      expect.stringContaining('refuses user and password'),
    ])
  })
})
