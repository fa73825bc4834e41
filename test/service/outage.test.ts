import { afterAll, beforeAll, expect, test } from 'vitest'
import { createCuttable } from '../http/cuttable.ts'
import { makeSecret } from '../stand-in/secrets.ts'
import { type StandInPanel, startPanel } from '../stand-in/start.ts'
import { useLedger } from '../support/ledger.ts'
import { startServiceProcess, until } from '../support/service-process.ts'

const ledger = useLedger()
const database = createCuttable()
const webhookSecret = makeSecret()
let panel: StandInPanel

beforeAll(async () => {
  panel = await startPanel()
  panel.state.createAdmin('ada')
  panel.state.createUser('u1', { admin: 'ada' })
})
afterAll(async () => {
  await panel.close()
  await database.close()
})

test('answers 503 while the database is away, and goes on by itself', { timeout: 120_000 }, async () => {
  const url = await database.via(ledger.url)
  const service = await startServiceProcess(panel, {
    DATABASE_URL: url,
    POLL_INTERVAL: '1',
    SCAN_INTERVAL: '10',
    WEBHOOK_SECRET: webhookSecret,
  })
  const notify = async () => {
    const headers = { 'content-type': 'application/json', 'x-webhook-secret': webhookSecret }
    const body = JSON.stringify([{ action: 'user_updated', username: 'u1' }])
    return (await fetch(`${service.url}/webhooks/marzban`, { method: 'POST', headers, body })).status
  }
  const total = async () => {
    const { status, body } = await service.call('GET', '/admins?username=ada')
    return status === 200 ? (body as { items: { total_traffic: number }[] }).items[0]?.total_traffic : status
  }
  panel.state.accrue('u1', 5)
  await until('the first bytes are counted', async () => (await total()) === 5)

  database.cut()
  await until('requests are refused', async () => (await total()) === 503)
  expect((await service.call('GET', '/readyz')).status).toBe(503)
  expect((await service.call('GET', '/healthz')).status).toBe(200)
  expect((await service.call('DELETE', '/users/u1')).status).toBe(503)
  expect((await service.call('POST', '/sync')).status).toBe(503)
  expect(await notify()).toBe(503)
  expect(panel.state.users.has('u1')).toBe(true)
  panel.state.accrue('u1', 7)

  database.restore()
  await until('the bytes of meanwhile are counted', async () => (await total()) === 12)
  // What was seen a moment ago is remembered for a second.
  await until('it is ready again', async () => (await service.call('GET', '/readyz')).status === 200)
  expect(await notify()).toBe(204)
  expect((await service.call('DELETE', '/users/u1')).status).toBe(200)
  expect(await total()).toBe(12)
  expect(await service.end('SIGTERM')).toBe(0)
})
