import { afterAll, beforeAll, expect, test } from 'vitest'
import { countChildren } from '../../src/store/deletions/bulk-deletions.ts'
import { type StandInPanel, startPanel } from '../stand-in/start.ts'
import { effort, runsLongTests } from '../support/effort.ts'
import { accountOf, inconsistentAccounts, useLedger } from '../support/ledger.ts'
import { startServiceProcess, until } from '../support/service-process.ts'

const ledger = useLedger()
const users = effort('BULK_USERS', { newcomer: 100, ci: 1_000 })
let panel: StandInPanel

beforeAll(async () => {
  // Without the admin's own counter nothing makes up for a reading that was lost.
  panel = await startPanel({ hasUsage: false })
  panel.state.createAdmin('ada')
  for (let index = 0; index < users; index += 1) {
    panel.state.createUser(`user${index}`, { admin: 'ada' })
    panel.state.accrue(`user${index}`, index)
  }
})
afterAll(() => panel.close())

test.runIf(runsLongTests)(
  `deletes ${users} users although the service is killed in the middle`,
  {
    timeout: 400_000,
  },
  async () => {
    const start = () => startServiceProcess(panel, { DATABASE_URL: ledger.url, MARZBAN_TIMEOUT: '5' })
    let service = await start()
    const usernames = [...panel.state.users.keys()]
    const opened = await service.call('POST', '/deletions', { usernames })
    expect(opened.status).toBe(202)
    const { id } = opened.body as { id: number }

    await until('a third of the users is deleted', async () => panel.state.users.size <= (users * 2) / 3)
    await service.end('SIGKILL')
    expect(panel.state.users.size).toBeGreaterThan(0)
    service = await start()
    await until('all users are deleted', async () => {
      const { body } = await service.call('GET', `/deletions/${id}`)
      return (body as { finished_at: string | null }).finished_at !== null
    })
    const report = await service.call('GET', `/deletions/${id}`)
    expect(report.body).toMatchObject({
      state: 'deleted',
      total: users,
      done: users,
      failed: 0,
      seconds_left: 0,
    })
    expect(await service.end('SIGTERM')).toBe(0)

    expect(await countChildren(ledger.db, BigInt(id))).toEqual({ deleted: users })
    expect(panel.state.users.size).toBe(0)
    const deletions = panel.requests.filter(({ method }) => method === 'DELETE')
    expect(deletions.length).toBeLessThanOrEqual(users + 4)
    const total = BigInt((users * (users - 1)) / 2)
    expect(await accountOf(ledger.db, 'ada')).toMatchObject({ total, preserved: total })
    expect(await inconsistentAccounts(ledger.db)).toEqual([])
  },
)
