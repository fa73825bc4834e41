import fc from 'fast-check'
import { Pool } from 'undici'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { isLedgerError } from '../../src/errors.ts'
import { apiKey, startTestService, type TestService } from '../http/service.ts'
import { makeSecret } from '../stand-in/secrets.ts'
import { createKey } from '../support/api-keys.ts'
import { effort } from '../support/effort.ts'
import { holdsSecret } from '../support/leaks.ts'
import { createConformance, type HostileAnswer } from './conformance.ts'
import { readApi } from './operations.ts'
import { type Credentials, type HostileRequest, requestsWithHostileTexts, requestTo } from './requests.ts'
import type { Known } from './values.ts'

const requestsAtLeast = effort('HOSTILE_REQUESTS', { newcomer: 3_000, ci: 6_000 })
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
    key: { 'x-api-key': (await createKey(service.db)).text },
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
  const withTexts = api.operations.flatMap((operation, index) =>
    requestsWithHostileTexts(operation, known).flatMap((request) =>
      fc.sample(request, { numRuns: 1, seed: seed + index }),
    ),
  )
  const each = Math.ceil((requestsAtLeast - withTexts.length) / api.operations.length)
  const requests = api.operations.flatMap((operation, index) =>
    fc.sample(requestTo(operation, known), { numRuns: each, seed: seed + index }),
  )
  const shuffled =
    fc.sample(fc.shuffledSubarray(requests, { minLength: requests.length }), { numRuns: 1, seed })[0] ?? []
  // The texts first, as long as every account is open.
  const order = [...withTexts, ...shuffled]
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
  const ask = async (request: HostileRequest): Promise<string> => {
    const { operation, target, headers, body, as } = request
    const answer = await pool.request({
      method: operation.method as 'GET',
      path: target,
      headers: { ...headers, ...headersOf[as] },
      body,
    })
    const mediaType = String(answer.headers['content-type'] ?? '').split(';')[0] ?? ''
    const text = await answer.body.text()
    judge(request, { status: answer.statusCode, mediaType, text })
    return text
  }
  /** Open accounts get a limit and a grant again, whose id is among those that requests name; another grant is revoked. */
  const limitAccounts = async () => {
    const send = (operationId: string, target: string, body: object | null) => {
      const operation = api.operations.find((known) => known.operationId === operationId)
      if (!operation) throw new Error(`the document has no ${operationId}`)
      const headers: Record<string, string> = body ? { 'content-type': 'application/json' } : {}
      return ask({ operation, target, headers, body: body && JSON.stringify(body), as: 'operator' })
    }
    for (const id of [1, 2, 3, 4, 5]) {
      await send('setLimit', `/admins/${id}/limit`, {
        traffic_limit: 1e15,
        period: null,
        on_exceed: 'notify',
      })
      for (const isKept of [true, false]) {
        const grant: { id?: number } = JSON.parse(
          await send('addGrant', `/admins/${id}/grants`, { bytes: id }),
        )
        if (grant.id === undefined) continue
        if (isKept) ids.push(grant.id)
        else await send('revokeGrant', `/admins/${id}/grants/${grant.id}`, null)
      }
    }
  }
  const queue = order.values()
  let sent = 0
  const client = async () => {
    for (const request of queue) {
      sent += 1
      if (sent % 500 === 0) refill()
      if (sent % 250 === 1) await limitAccounts()
      if (sent % 2_000 === 0) await carryOutAll()
      await ask(request)
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
