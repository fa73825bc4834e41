import { afterAll, beforeAll, expect, test } from 'vitest'
import { type StandInPanel, startPanel } from '../stand-in/start.ts'
import { accountOf, inconsistentAccounts, useLedger } from '../support/ledger.ts'
import { startServiceProcess, until } from '../support/service-process.ts'

const ledger = useLedger()
const admins = ['ada', 'ben', 'cyd']
const usersEach = 250
const pagesEach = 3
let panel: StandInPanel

beforeAll(async () => {
  panel = await startPanel()
  for (const admin of admins) {
    panel.state.createAdmin(admin)
    for (let index = 0; index < usersEach; index += 1) {
      panel.state.createUser(`${admin}${index}`, { admin })
      panel.state.accrue(`${admin}${index}`, 10)
    }
  }
})
afterAll(() => panel.close())

test('two replicas share the work and never do it twice', { timeout: 90_000 }, async () => {
  const environment = { DATABASE_URL: ledger.url, POLL_INTERVAL: '2' }
  const [first, second] = await Promise.all([
    startServiceProcess(panel, environment),
    startServiceProcess(panel, environment),
  ])
  const totals = async (replica = first) => {
    const answer = await replica.call('GET', '/admins?sort=username')
    return (answer.body as { items: { total_traffic: number }[] }).items.map(
      (account) => account.total_traffic,
    )
  }
  const scanned = async () => {
    const answer = await first.call('GET', '/sync')
    return (answer.body as { scan: { finished_at: string | null } }).scan.finished_at
  }
  await until('everything is scanned', async () => (await scanned()) !== null)
  const pages = panel.requests.filter(({ path }) => path === '/api/users')
  // One more tells how many users there are that nobody has read.
  expect(pages.length).toBeLessThanOrEqual(admins.length * (pagesEach + 1))
  expect(await totals()).toEqual([2_500, 2_500, 2_500])
  expect(await totals(second)).toEqual([2_500, 2_500, 2_500])

  const pollsIn = async (ms: number) => {
    const before = panel.requests.length
    await new Promise((resolve) => setTimeout(resolve, ms))
    return panel.requests.slice(before).filter(({ path }) => path === '/api/admins').length
  }
  // One every two seconds, not one of each replica; a little more when a boundary falls into the time.
  expect(await pollsIn(6_500)).toBeLessThanOrEqual(4)

  // Whoever is left goes on alone.
  await first.end('SIGKILL')
  panel.state.accrue('ada0', 90)
  await until('the other replica has polled', async () => (await totals(second))[0] === 2_590)
  expect(await second.end('SIGTERM')).toBe(0)
  expect(await inconsistentAccounts(ledger.db)).toEqual([])
  expect((await accountOf(ledger.db, 'ada')).total).toBe(2_590n)
})
