import { afterAll, beforeAll, expect, test } from 'vitest'
import { transact } from '../../src/store/connection/transact.ts'
import { recordSuspicions } from '../../src/store/outbox/events.ts'
import { type StandInPanel, startPanel } from '../stand-in/start.ts'
import { useLedger } from '../support/ledger.ts'
import { createAccount } from '../support/limits.ts'
import { startServiceProcess, until } from '../support/service-process.ts'

const ledger = useLedger()
let panel: StandInPanel

beforeAll(async () => {
  panel = await startPanel()
})
afterAll(() => panel.close())

/** Stores suspicious bytes of an admin, as a scan does. */
async function suspect(username: string): Promise<void> {
  const adminId = await createAccount(ledger.db, username)
  const fell = { reason: 'counter_returned', username: null, bytes: 9n, before: 1n, after: 10n } as const
  await transact(ledger.db, (tx) => recordSuspicions(tx, [{ ...fell, adminId }]))
}

test('suspicious traffic that is found before the first answered poll is logged', {
  timeout: 60_000,
}, async () => {
  await suspect('ana')
  panel.faults.add({ kind: 'answer', status: 500, method: 'GET', path: '/api/admins' })
  const service = await startServiceProcess(panel, { DATABASE_URL: ledger.url, POLL_INTERVAL: '1' })
  const logged = (text: string) => until(text, async () => service.output().includes(text), 20_000)
  await logged('the panel cannot be polled')
  await suspect('ben')
  panel.faults.clear()
  await logged('the panel answers again')
  await logged('traffic.suspicious')
  const [line, ...others] = service
    .output()
    .split('\n')
    .filter((each) => each.includes('traffic.suspicious'))
  expect([JSON.parse(line ?? '{}'), others]).toMatchObject([{ admin: 'ben' }, []])
  expect(await service.end('SIGTERM')).toBe(0)
})
