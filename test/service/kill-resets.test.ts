import { afterAll, beforeAll, expect, test } from 'vitest'
import { type StandInPanel, startPanel } from '../stand-in/start.ts'
import { runsLongTests } from '../support/effort.ts'
import { accountOf, inconsistentAccounts, useLedger } from '../support/ledger.ts'
import { type ServiceProcess, startServiceProcess } from '../support/service-process.ts'
import { pollAndScan, throughFront } from './calls.ts'

const ledger = useLedger()
const users = 250
let panel: StandInPanel
let truth = 0n

beforeAll(async () => {
  panel = await startPanel()
  panel.state.createAdmin('ada')
  for (let index = 0; index < users; index += 1) panel.state.createUser(`user${index}`, { admin: 'ada' })
})
afterAll(() => panel.close())

function consume(bytes: bigint): void {
  for (const username of panel.state.users.keys()) {
    panel.state.accrue(username, bytes)
    truth += bytes
  }
}

/** Where a reset of all users is when the service is killed. */
const moments = [
  { method: 'GET', path: '/api/users', skip: 1, side: 'before' },
  { method: 'POST', path: '/api/users/reset', skip: 0, side: 'before' },
  { method: 'POST', path: '/api/users/reset', skip: 0, side: 'after' },
] as const

test.runIf(runsLongTests)(
  'ends at the truth after kills in the middle of resets of all users',
  { timeout: 120_000 },
  async () => {
    const start = () => startServiceProcess(panel, { DATABASE_URL: ledger.url, PANEL_LAG: '0' })
    for (const { method, path, skip, side } of moments) {
      consume(700n)
      const service: ServiceProcess = await start()
      await pollAndScan(service, ledger.db)
      const killed = Promise.withResolvers<unknown>()
      const kill = () => killed.resolve(service.end('SIGKILL'))
      panel.faults.add({ kind: 'hook', method, path, skip, times: 1, [side]: kill })
      await expect(throughFront(service, panel, 'POST', '/api/users/reset')).rejects.toThrow()
      await killed.promise
      panel.faults.clear()
      // While nobody looks; less than before at one time, more at another.
      consume(side === 'after' ? 900n : 300n)
    }
    const service = await start()
    await pollAndScan(service, ledger.db)
    await pollAndScan(service, ledger.db)
    expect(await service.end('SIGTERM')).toBe(0)
    expect((await accountOf(ledger.db, 'ada')).total).toBe(truth)
    expect(await inconsistentAccounts(ledger.db)).toEqual([])
  },
)
