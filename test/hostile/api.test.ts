import fc from 'fast-check'
import { Pool } from 'undici'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { isLedgerError } from '../../src/errors.ts'
import { apiKey, startTestService, type TestService } from '../http/service.ts'
import { makeSecret } from '../stand-in/secrets.ts'
import { effort } from '../support/effort.ts'
import { holdsSecret } from '../support/leaks.ts'
import { createConformance, type HostileAnswer } from './conformance.ts'
import { readApi } from './operations.ts'
import { type Credentials, type HostileRequest, requestTo } from './requests.ts'
import type { Known } from './values.ts'

const requestsAtLeast = effort('HOSTILE_REQUESTS', { newcomer: 6_000, ci: 20_000 })
const seed = Number(process.env.SEED ?? Date.now() % 1_000_000)
const admins = ['ada', 'ben', 'cyd', 'd_e-f@g.h']
const names = [...admins, ...Array.from({ length: 60 }, (_, index) => `user${index}`), 'odd@name.-_', 'ünï']
const webhookSecret = makeSecret()
const unknownToken = 'a-token-that-nobody-has-ever-issued'
let service: TestService
let panelSecrets: string[]

beforeAll(async () => {
  service = await startTestService({
    admins: [...admins.map((username) => ({ username })), { username: 'root', isSudo: true }],
    logLevel: 'trace',
    webhookSecret,
    // Nothing hangs here; a busy machine is no fault of an answer.
    panelTimeoutMs: 30_000,
    failedAuthentication: { max: 1_000_000, windowMs: 60_000 },
  })
  refill()
  await service.poll()
  await service.scan()
  await limitFirstAccount()
  panelSecrets = [
    service.panel.sudo.password,
    ...[...service.panel.state.admins.values()].map(({ password }) => password),
  ]
})
afterAll(() => service.close())

/** A place in a source. */
const stack = /\bat \S+ \(.*:\d+:\d+\)|node_modules|\.ts:\d+/

/** Lets users come back that requests have deleted. */
function refill(): void {
  const { state } = service.panel
  for (const username of admins) if (!state.admins.has(username)) state.createAdmin(username)
  for (const [index, username] of names.slice(admins.length).entries()) {
    if (!state.users.has(username))
      state.createUser(username, { admin: admins[index % admins.length] ?? null })
    state.accrue(username, 1_000)
  }
}

/** The first account has a limit with some grants, whose ids are among those that requests name. */
async function limitFirstAccount(): Promise<void> {
  const post = (method: 'PUT' | 'POST', url: string, payload: object) =>
    service.app.inject({ method, url, headers: { 'x-api-key': apiKey }, payload })
  await post('PUT', '/admins/1/limit', { traffic_limit: 1e15, period: null, on_exceed: 'notify' })
  for (let grant = 1; grant <= 7; grant += 1) await post('POST', '/admins/1/grants', { bytes: grant })
}

/** As the queues do: a deletion that another one is in the way of comes round again. */
async function carryOutAll(): Promise<void> {
  for (const id of (await service.takeOutbox()).deletions) {
    await service.carryOut(id).catch((error: unknown) => {
      if (!isLedgerError(error, 'conflict')) throw error
    })
  }
}

test(`answers at least ${requestsAtLeast} valid and invalid requests as the document says`, {
  timeout: 480_000,
}, async () => {
  const api = readApi()
  const faultOf = createConformance(api)
  const accountIds = await service.db.selectFrom('admins').select('id').execute()
  const ids = [...accountIds.map(({ id }) => Number(id)), 1, 2, 3, 4, 5, 6, 7]
  const known: Known = { names, ids: () => ids }
  const headersOf: Record<Credentials, Record<string, string>> = {
    operator: { 'x-api-key': apiKey, 'x-webhook-secret': webhookSecret },
    sudo: service.as('root'),
    admin: service.as('ada'),
    other: service.as('ben'),
    unknown: { authorization: `Bearer ${unknownToken}` },
    none: {},
  }
  const secrets = [
    apiKey,
    webhookSecret,
    unknownToken,
    ...panelSecrets,
    ...Object.values(headersOf).flatMap(({ authorization }) =>
      authorization ? [authorization.slice(7)] : [],
    ),
  ]
  const pool = new Pool(await service.app.listen({ host: '127.0.0.1', port: 0 }), { connections: 8 })
  const each = Math.ceil(requestsAtLeast / api.operations.length)
  const requests = api.operations.flatMap((operation, index) =>
    fc.sample(requestTo(operation, known), { numRuns: each, seed: seed + index }),
  )
  const order =
    fc.sample(fc.shuffledSubarray(requests, { minLength: requests.length }), { numRuns: 1, seed })[0] ?? []
  expect(order.length).toBeGreaterThanOrEqual(requestsAtLeast)

  const faults: string[] = []
  const seen = new Map<string, Set<number>>()
  const judge = (request: HostileRequest, answer: HostileAnswer) => {
    const { operationId } = request.operation
    seen.set(operationId, (seen.get(operationId) ?? new Set()).add(answer.status))
    const fault =
      answer.status >= 500
        ? `status ${answer.status}: ${answer.text}`
        : holdsSecret(answer.text, secrets)
          ? 'the body holds a secret'
          : stack.test(answer.text)
            ? `the body holds a stack: ${answer.text}`
            : faultOf(request.operation, answer)
    if (fault)
      faults.push(
        `${operationId} as ${request.as} ${request.target} ${request.body?.slice(0, 200) ?? ''}: ${fault}`,
      )
  }
  const queue = order.values()
  let sent = 0
  const client = async () => {
    for (const request of queue) {
      sent += 1
      if (sent % 500 === 0) refill()
      if (sent % 2_000 === 0) await carryOutAll()
      const { operation, target, headers, body, as } = request
      const answer = await pool.request({
        method: operation.method as 'GET',
        path: target,
        headers: { ...headers, ...headersOf[as] },
        body,
      })
      const mediaType = String(answer.headers['content-type'] ?? '').split(';')[0] ?? ''
      judge(request, { status: answer.statusCode, mediaType, text: await answer.body.text() })
    }
  }
  await Promise.all(Array.from({ length: 8 }, client))
  await pool.close()

  expect(faults.slice(0, 10), `SEED=${seed}`).toEqual([])
  for (const [operationId, statuses] of seen) {
    expect(
      [...statuses].some((status) => status < 300),
      `${operationId} was never served`,
    ).toBe(true)
  }
  const log = service.logged.map((line) => JSON.stringify(line)).join('\n')
  expect(log).toContain('"level"')
  expect(holdsSecret(log, secrets), 'the log holds a secret').toBe(false)
  expect(log).not.toMatch(stack)
  expect(await statusOf('/healthz')).toBe(200)
})

async function statusOf(url: string): Promise<number> {
  return (await service.app.inject(url)).statusCode
}
