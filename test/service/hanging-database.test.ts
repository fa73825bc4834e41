import { readFileSync } from 'node:fs'
import path from 'node:path'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openDatabase } from '../../src/store/connection/database.ts'
import { createCuttable } from '../http/cuttable.ts'
import { makeSecret } from '../stand-in/secrets.ts'
import { type StandInPanel, startPanel } from '../stand-in/start.ts'
import { operatorKey } from '../support/keys.ts'
import { useLedger } from '../support/ledger.ts'
import { type ServiceProcess, startServiceProcess, until } from '../support/service-process.ts'

const ledger = useLedger()
const database = createCuttable()
const webhookSecret = makeSecret()
let panel: StandInPanel
let service: ServiceProcess

/** A few seconds, on a machine that does much else. */
const fewSecondsMs = 15_000

type Operations = Record<string, Record<string, unknown>>
const { paths } = JSON.parse(
  readFileSync(path.join(import.meta.dirname, '../../openapi/openapi.json'), 'utf8'),
) as { paths: Operations }
/** Calls that need no database. */
const own = ['/healthz', '/openapi.json', '/webhooks/marzban']

const operations = Object.entries(paths)
  .filter(([target]) => !own.includes(target))
  .flatMap(([target, methods]) =>
    Object.keys(methods).map((method) => [method.toUpperCase(), target] as const),
  )

/** Bodies that are right, so that only the database can refuse the call. */
const bodies: Record<string, unknown> = {
  'PUT /admins/{id}/limit': {
    traffic_limit: 1000,
    period: { unit: 'month', timezone: 'UTC' },
    on_exceed: 'notify',
  },
  'POST /admins/{id}/grants': { bytes: 5 },
  'POST /admins/{id}/hold': { reason: 'unpaid' },
  'POST /api-keys': { name: 'bot', role: 'sudo', access: 'read' },
  'POST /deletions': { usernames: ['u1'] },
}

beforeAll(async () => {
  panel = await startPanel()
  panel.state.createAdmin('ada')
  panel.state.createUser('u1', { admin: 'ada' })
  panel.state.createUser('u2', { admin: 'ada' })
  service = await startServiceProcess(panel, {
    DATABASE_URL: await database.via(ledger.url),
    POLL_INTERVAL: '1',
    SCAN_INTERVAL: '10',
    WEBHOOK_SECRET: webhookSecret,
  })
})
afterAll(async () => {
  await service.end('SIGTERM')
  await panel.close()
  await database.close()
})

async function total(): Promise<unknown> {
  const { status, body } = await service.call('GET', '/admins?username=ada')
  return status === 200 ? (body as { items: { total_traffic: number }[] }).items[0]?.total_traffic : status
}

async function refused([method, target]: readonly [string, string]): Promise<void> {
  const name = `${method} ${target}`
  const body = bodies[name]
  const filled = target.replace('{username}', 'u1').replace(/\{[a-z_]+\}/g, '1')
  const answer = await timed(method, filled, {
    headers: { 'x-api-key': operatorKey, ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  expect.soft([name, answer.status]).toEqual([name, 503])
  expect.soft(answer.ms, name).toBeLessThan(fewSecondsMs)
}

/** The status of one call, and how long it took. */
async function timed(
  method: string,
  target: string,
  init: RequestInit,
): Promise<{ status: number; ms: number }> {
  const began = performance.now()
  const { status } = await fetch(service.url + target, { method, ...init })
  return { status, ms: performance.now() - began }
}

test('a database that hangs is 503 within seconds, on every route and in every job; then all goes on', {
  timeout: 150_000,
}, async () => {
  panel.state.accrue('u1', 5)
  await until('the first bytes are counted', async () => (await total()) === 5)
  // The session of deletions is open too.
  expect((await service.call('DELETE', '/users/u2')).status).toBe(200)

  database.hang()
  // Some at a time: a request that waits for a free connection would only show that there is none.
  const together = 8
  for (let first = 0; first < operations.length; first += together)
    await Promise.all(operations.slice(first, first + together).map(refused))
  const token = panel.tokens.logIn(new URLSearchParams(panel.sudo)).access_token
  const through = await timed('DELETE', '/api/user/u1', { headers: { authorization: `Bearer ${token}` } })
  expect(through.status).toBe(503)
  expect(through.ms).toBeLessThan(fewSecondsMs)
  const notified = await timed('POST', '/webhooks/marzban', {
    headers: { 'content-type': 'application/json', 'x-webhook-secret': webhookSecret },
    body: JSON.stringify([{ action: 'user_updated', username: 'u1' }]),
  })
  expect(notified.status).toBe(503)
  expect(panel.state.users.has('u1')).toBe(true)
  await until('the jobs say so', async () =>
    /a job has to wait|the job queue cannot reach/.test(service.output()),
  )

  panel.state.accrue('u1', 7)
  const restored = performance.now()
  database.restore()
  await until('the bytes of meanwhile are counted', async () => (await total()) === 12, 60_000)
  console.log(`counted ${Math.round(performance.now() - restored)} ms after the database was back`)
  await until('it deletes', async () => (await service.call('DELETE', '/users/u1')).status === 200, 60_000)
  expect(await total()).toBe(12)
})

test('a statement that takes long is waited for', async () => {
  const db = openDatabase({ url: ledger.url })
  expect((await sql<{ one: number }>`select 1 as one from pg_sleep(7)`.execute(db)).rows).toEqual([
    { one: 1 },
  ])
  await db.destroy()
})
