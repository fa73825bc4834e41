import path from 'node:path'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { type StandInPanel, startPanel } from '../stand-in/start.ts'
import { Clocks } from '../support/clocks.ts'
import { runsLongTests } from '../support/effort.ts'
import { useLedger } from '../support/ledger.ts'
import { startServiceProcess, until } from '../support/service-process.ts'

const ledger = useLedger()
const hourMs = 3_600_000
let panel: StandInPanel
let clocks: Clocks

beforeAll(async () => {
  panel = await startPanel()
  panel.state.createAdmin('ada')
  clocks = new Clocks(path.join(inject('runDir'), 'clock-of-a-service'))
  await clocks.shadow(ledger.url)
})
afterAll(() => panel.close())

const polls = () => panel.requests.filter(({ path: target }) => target === '/api/admins').length

test.each(runsLongTests ? (['service', 'database', 'both'] as const) : (['both'] as const))(
  'goes on when the clock of the %s is set back an hour, and forward',
  {
    timeout: 120_000,
  },
  async (whose) => {
    const service = await startServiceProcess(panel, {
      DATABASE_URL: ledger.url,
      POLL_INTERVAL: '1',
      ...clocks.environment,
    })
    for (const ms of [-hourMs, hourMs]) {
      // In the middle of a poll, which is when the queues look at the clock.
      const jumped = Promise.withResolvers<void>()
      const before = async () => {
        await clocks.jump(ledger.url, whose, ms)
        jumped.resolve()
      }
      panel.faults.add({ kind: 'hook', path: '/api/admins', times: 1, before })
      await jumped.promise
      panel.faults.add({ kind: 'delay', path: '/api/admins', times: 1, ms: 100 })
      const made = polls()
      await until('two more polls are made', async () => polls() >= made + 2, 25_000)
    }
    expect(await service.end('SIGTERM')).toBe(0)
  },
)

test('measures by no clock that is set: reading goes on, and a token is not believed for longer', {
  timeout: 120_000,
}, async () => {
  panel.state.createUser('u1', { admin: 'ada' })
  const service = await startServiceProcess(panel, { DATABASE_URL: ledger.url, ...clocks.environment })
  const { access_token: token } = panel.tokens.logIn(
    new URLSearchParams({ username: 'ada', password: panel.state.admins.get('ada')?.password ?? '' }),
  )
  const statusOf = async () =>
    (await fetch(`${service.url}/admins/me`, { headers: { authorization: `Bearer ${token}` } })).status
  const scans = () => panel.requests.filter(({ path: target }) => target === '/api/users').length

  // In the middle of an answer, after which the panel is left alone for as long as that took.
  const before = () => clocks.jump(ledger.url, 'service', hourMs)
  panel.faults.add({ kind: 'hook', path: '/api/users', times: 1, before })
  await until('the account can be read', async () => (await statusOf()) === 200)
  await service.call('POST', '/sync')
  await until('users are read', async () => scans() > 0)
  const made = scans()
  await service.call('POST', '/sync')
  await until('users are read again', async () => scans() > made, 20_000)

  expect(await statusOf()).toBe(200)
  panel.tokens.expireAll()
  await clocks.jump(ledger.url, 'service', -hourMs)
  await until('the token is asked about again', async () => (await statusOf()) === 401, 20_000)
  expect(await service.end('SIGTERM')).toBe(0)
})
