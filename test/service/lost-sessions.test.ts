import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type StandInPanel, startPanel } from '../stand-in/start.ts'
import { runsLongTests } from '../support/effort.ts'
import { useLedger } from '../support/ledger.ts'
import { type ServiceProcess, startServiceProcess, until } from '../support/service-process.ts'

const ledger = useLedger()
let panel: StandInPanel
let service: ServiceProcess

beforeAll(async () => {
  panel = await startPanel()
  panel.state.createAdmin('ada')
  for (const name of ['u1', 'u2']) panel.state.createUser(name, { admin: 'ada' })
  service = await startServiceProcess(panel, {
    DATABASE_URL: ledger.url,
    POLL_INTERVAL: '1',
    SCAN_INTERVAL: '10',
  })
})
afterAll(async () => {
  expect(await service.end('SIGTERM')).toBe(0)
  await panel.close()
})

async function total(): Promise<unknown> {
  const { status, body } = await service.call('GET', '/admins?username=ada')
  return status === 200 ? (body as { items: { total_traffic: number }[] }).items[0]?.total_traffic : status
}

type Failing = { work: string; since: string; times: number }
async function failing(): Promise<Failing[]> {
  const { status, body } = await service.call('GET', '/readyz')
  return status === 200 ? (body as { failing: Failing[] }).failing : []
}

const terminate = () =>
  sql`
  select pg_terminate_backend(pid) from pg_stat_activity
  where datname = current_database() and pid <> pg_backend_pid()`.execute(ledger.db)

test('all sessions are terminated, again and again: nothing is lost, and it goes on', {
  timeout: 90_000,
}, async () => {
  panel.state.accrue('u1', 5)
  await until('the first bytes are counted', async () => (await total()) === 5)
  for (let times = 0; times < 30; times += 1) {
    panel.state.accrue('u1', 1)
    await terminate()
    await service.call('GET', '/sync')
  }
  await until('all bytes are counted', async () => (await total()) === 35, 60_000)
  await until('it deletes', async () => (await service.call('DELETE', '/users/u1')).status === 200, 60_000)
  expect(await total()).toBe(35)
})

test.runIf(runsLongTests)(
  'a database that becomes read-only, as a primary that was demoted: 503, shown, and it goes on',
  {
    timeout: 120_000,
  },
  async () => {
    const name = new URL(ledger.url).pathname.slice(1)
    const setReadOnly = (how: string) =>
      sql.raw(`set default_transaction_read_only = off; alter database ${name} ${how}`).execute(ledger.db)
    await setReadOnly('set default_transaction_read_only = on')
    await terminate()
    panel.state.accrue('u2', 7)
    await until(
      'a deletion is refused',
      async () => (await service.call('DELETE', '/users/u2')).status === 503,
      60_000,
    )
    expect(panel.state.users.has('u2')).toBe(true)
    await until('the failure shows', async () => (await failing()).some(({ times }) => times > 1), 60_000)

    await setReadOnly('reset default_transaction_read_only')
    await terminate()
    await until('the bytes of meanwhile are counted', async () => (await total()) === 42, 60_000)
    await until('nothing fails any more', async () => (await failing()).length === 0, 60_000)
  },
)
