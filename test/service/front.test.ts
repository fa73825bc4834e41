import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeSecret } from '../stand-in/secrets.ts'
import { type StandInPanel, startPanel } from '../stand-in/start.ts'
import { accountOf, useLedger } from '../support/ledger.ts'
import { startServiceProcess, until } from '../support/service-process.ts'
import { pollAndScan } from './calls.ts'

const ledger = useLedger()
const secret = makeSecret()
let panel: StandInPanel

beforeAll(async () => {
  panel = await startPanel()
  panel.state.createAdmin('ada')
})
afterAll(() => panel.close())

test('is set up by the environment: prefixes, and webhooks after which users are read', {
  timeout: 120_000,
}, async () => {
  const service = await startServiceProcess(panel, {
    DATABASE_URL: ledger.url,
    POLL_INTERVAL: '3600',
    SCAN_INTERVAL: '86400',
    FRONT_PREFIXES: '/api,/my-sub',
    WEBHOOK_SECRET: secret,
  })
  const bodyOf = async (path: string) => (await fetch(service.url + path)).json()
  expect(await bodyOf('/my-sub/x')).toEqual({ detail: 'Not Found' })
  expect(await bodyOf('/sub/x')).toMatchObject({ code: 'not_found' })

  await pollAndScan(service, ledger.db)
  panel.state.createUser('alice', { admin: 'ada', lifetime: 70n })
  const answer = await fetch(`${service.url}/webhooks/marzban`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-webhook-secret': secret },
    body: JSON.stringify([{ action: 'user_created', username: 'alice' }]),
  })
  expect(answer.status).toBe(204)
  await until('the user is read', async () => (await accountOf(ledger.db, 'ada')).total === 70n)
  expect(await service.end('SIGTERM')).toBe(0)
})
