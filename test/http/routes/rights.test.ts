import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Caller } from '../../../src/work/callers/caller.ts'
import type { Callers } from '../../../src/work/callers/callers.ts'
import { type Operation, readOperations } from '../operations.ts'
import { startTestService, type TestService, withKey } from '../service.ts'

type Headers = Record<string, string>
type Answer = { statusCode: number; json(): { items?: { username: string | null }[]; state?: string } }

let service: TestService
const keyOfAna = 'a-key-that-is-bound-to-an-admin-and-has-no-token'
let ids: Record<'ana' | 'bob', bigint>
let receipts: Record<'ana' | 'bob', bigint>

let operations: Operation[]

/** As an API key of an admin will be: it acts for ana, and the panel knows nothing of it. */
function withBoundKey(callers: Callers): Callers {
  const isBound = ({ apiKey }: { apiKey?: string | undefined }) => apiKey === keyOfAna
  return {
    recognises: (credentials) => isBound(credentials) || callers.recognises(credentials),
    identify: async (credentials): Promise<Caller> =>
      isBound(credentials)
        ? { kind: 'admin', name: 'ana', isSudo: false, adminId: ids.ana, token: null }
        : callers.identify(credentials),
  }
}

beforeAll(async () => {
  service = await startTestService({
    admins: [{ username: 'root', isSudo: true }, { username: 'ana' }, { username: 'bob' }],
    extendCallers: withBoundKey,
  })
  operations = await readOperations(service.app)
  await service.poll()
  await service.scan()
  // No poll has seen this one.
  service.panel.state.createAdmin('new')
  ids = { ana: await service.idOf('ana'), bob: await service.idOf('bob') }
  for (const admin of [ids.ana, ids.bob, await service.idOf('root')]) await limit(admin)
  receipts = {
    ana: await openBulk(service.as('ana'), { admin: Number(ids.ana), status: 'expired' }),
    bob: await openBulk(service.as('bob'), { admin: Number(ids.bob), status: 'expired' }),
  }
})
afterAll(() => service.close())

const aWish = { reason: 'unpaid' }
const aLimit = { traffic_limit: 1_000, period: null, on_exceed: 'notify' }

async function limit(admin: bigint): Promise<void> {
  const url = `/admins/${admin}/limit`
  const { statusCode } = await service.app.inject({ method: 'PUT', url, headers: withKey, payload: aLimit })
  expect(statusCode).toBe(200)
}

/** A new grant in an account that has a limit. */
async function grant(admin: bigint): Promise<number> {
  await limit(admin)
  const url = `/admins/${admin}/grants`
  const payload = { bytes: 5 }
  return (await service.app.inject({ method: 'POST', url, headers: withKey, payload })).json().id
}

/** Holds an account, as its operator wants. */
async function hold(admin: bigint): Promise<string> {
  const url = `/admins/${admin}/hold`
  await service.app.inject({ method: 'POST', url, headers: withKey, payload: aWish })
  return url
}

async function openBulk(headers: Headers, payload: object): Promise<bigint> {
  const answer = await service.app.inject({ method: 'POST', url: '/deletions', headers, payload })
  return BigInt(answer.json().id)
}

/** In the order of the columns below. */
const callers: Record<string, () => Headers> = {
  'the operator': () => withKey,
  'a sudo admin': () => service.as('root'),
  'an admin (ana)': () => service.as('ana'),
  'an admin without an account': () => service.as('new'),
  'a caller bound to ana, without a token': () => ({ 'x-api-key': keyOfAna }),
}

type Ask = { url: string; payload?: object; done?: (isAllowed: boolean) => void }
/** What is asked for, how, and what each of the callers gets: a status, and what it saw where that differs. */
type Row = [what: string, ask: () => Ask | Promise<Ask>, answers: string]

let count = 0
/** A new user of this owner; `done` checks that only a caller with the right has deleted it. */
function userOf(admin: string | null): { username: string; done: (isAllowed: boolean) => void } {
  count += 1
  const username = `user${count}`
  service.panel.state.createUser(username, { admin, lifetime: 5n })
  return {
    username,
    done: (isAllowed) => expect(service.panel.state.users.has(username)).toBe(!isAllowed),
  }
}
const deleting = (admin: string | null, query = ''): Ask => {
  const { username, done } = userOf(admin)
  return { url: `/users/${username}${query}`, done }
}
const naming = (admin: string | null): Ask => ({
  url: '/deletions',
  payload: { usernames: [userOf(admin).username] },
})
const ofAccount = (admin: number | 'me'): Ask => ({
  url: '/deletions',
  payload: { admin, status: 'limited' },
})
const cancelling = async (headers: Headers, admin: bigint): Promise<Ask> => ({
  url: `/deletions/${await openBulk(headers, { admin: Number(admin), status: 'on_hold' })}`,
})

const account = (tail: string): Row[] => [
  ["ana's account", () => ({ url: `/admins/${ids.ana}${tail}` }), '200 200 200 403 200'],
  ["bob's account", () => ({ url: `/admins/${ids.bob}${tail}` }), '200 200 403 403 403'],
  ['its own account', () => ({ url: `/admins/me${tail}` }), '404 200 200 404 200'],
]

/** A call for sudo admins alone, about ana's account and about one's own. */
const sudoAlone = (tail: string, done: number, payload?: object): Row[] => {
  const to = (admin: bigint | 'me') => ({ url: `/admins/${admin}${tail}`, ...(payload && { payload }) })
  return [
    ["ana's account", () => limit(ids.ana).then(() => to(ids.ana)), `${done} ${done} 403 403 403`],
    ['its own account', () => to('me'), `404 ${done} 403 403 403`],
  ]
}

/** Every call that needs a caller. */
const table: Record<string, Row[]> = {
  listAdmins: [
    [
      'all accounts',
      () => ({ url: '/admins?sort=username' }),
      '200:ana,bob,root 200:ana,bob,root 200:ana 200: 200:ana',
    ],
  ],
  getAdmin: account(''),
  getAdminStats: account('/stats'),
  listAdminUsers: account('/users'),
  getLimit: account('/limit').map(([what, ask, answers]) => [
    what,
    async () => {
      // The caller before has removed it.
      await limit(ids.ana)
      return ask()
    },
    answers,
  ]),
  listGrants: account('/grants'),
  listLimitPeriods: account('/periods'),
  setLimit: sudoAlone('/limit', 200, aLimit),
  addGrant: sudoAlone('/grants', 201, { bytes: 5 }),
  revokeGrant: [
    [
      "a grant of ana's",
      async () => ({ url: `/admins/${ids.ana}/grants/${await grant(ids.ana)}` }),
      '200 200 403 403 403',
    ],
  ],
  getHold: [
    ["ana's hold", async () => ({ url: await hold(ids.ana) }), '200 200 200 403 200'],
    ["bob's hold", async () => ({ url: await hold(ids.bob) }), '200 200 403 403 403'],
  ],
  placeHold: [
    ["ana's account", () => ({ url: `/admins/${ids.ana}/hold`, payload: aWish }), '200 200 403 403 403'],
  ],
  liftHold: [["ana's hold", async () => ({ url: await hold(ids.ana) }), '204 204 403 403 403']],
  closeLimitPeriod: sudoAlone('/periods', 201),
  deleteLimit: [
    [
      "ana's limit",
      async () => {
        await limit(ids.ana)
        return { url: `/admins/${ids.ana}/limit` }
      },
      '204 204 403 403 403',
    ],
  ],
  deleteAdmin: [
    ["ana's admin", () => ({ url: `/admins/${ids.ana}` }), '202:requested 202:requested 403 403 403'],
    ["bob's admin", () => ({ url: `/admins/${ids.bob}` }), '202:requested 202:requested 403 403 403'],
  ],
  deleteUser: [
    ["ana's user", () => deleting('ana'), '200:deleted 200:deleted 200:deleted 403 200:deleted'],
    ["bob's user", () => deleting('bob'), '200:deleted 200:deleted 403 403 403'],
    ["nobody's user", () => deleting(null), '200:deleted 200:deleted 403 403 403'],
    [
      "ana's user, unread",
      () => deleting('ana', '?preserve_traffic=false'),
      '200:deleted 200:deleted 403 403 403',
    ],
  ],
  deleteUsers: [
    [
      "ana's user by name",
      () => naming('ana'),
      '202:requested 202:requested 202:requested 403 202:requested',
    ],
    [
      "bob's user by name",
      () => naming('bob'),
      '202:requested 202:requested 202:incomplete 403 202:incomplete',
    ],
    [
      "nobody's user by name",
      () => naming(null),
      '202:requested 202:requested 202:incomplete 403 202:incomplete',
    ],
    [
      "ana's users",
      () => ofAccount(Number(ids.ana)),
      '202:requested 202:requested 202:requested 403 202:requested',
    ],
    ["bob's users", () => ofAccount(Number(ids.bob)), '202:requested 202:requested 403 403 403'],
  ],
  listDeletions: [
    ["ana's receipts", () => ({ url: `/deletions?kind=admin&admin=${ids.ana}` }), '200 200 200 403 200'],
    ["bob's receipts", () => ({ url: `/deletions?kind=admin&admin=${ids.bob}` }), '200 200 403 403 403'],
  ],
  getDeletion: [
    [
      "ana's receipt",
      () => ({ url: `/deletions/${receipts.ana}` }),
      '200:requested 200:requested 200:requested 404 200:requested',
    ],
    [
      "bob's receipt",
      () => ({ url: `/deletions/${receipts.bob}` }),
      '200:requested 200:requested 404 404 404',
    ],
  ],
  cancelDeletion: [
    [
      'what ana asked for',
      () => cancelling(service.as('ana'), ids.ana),
      '202:requested 202:requested 202:requested 404 202:requested',
    ],
    [
      "what the operator asked for in ana's account",
      () => cancelling(withKey, ids.ana),
      '202:requested 202:requested 403 404 403',
    ],
    [
      'what bob asked for',
      () => cancelling(service.as('bob'), ids.bob),
      '202:requested 202:requested 404 404 404',
    ],
  ],
  getSync: [['the state of the collector', () => ({ url: '/sync' }), '200 200 403 403 403']],
  startSync: [['a sync', () => ({ url: '/sync' }), '202 202 403 403 403']],
}

/** The status, and what the answer shows: the names of a list of admins, or the state of a receipt. */
function outcomeOf(operationId: string, answer: Answer): string {
  if (answer.statusCode >= 300 || answer.statusCode === 204) return String(answer.statusCode)
  const { items, state } = answer.json()
  if (operationId === 'listAdmins') return `200:${items?.map(({ username }) => username).join(',')}`
  const isReceipt = /delet/i.test(operationId) && state !== undefined
  return isReceipt ? `${answer.statusCode}:${state}` : String(answer.statusCode)
}

test('every call of the document has its lines in the table, or is open to everybody', () => {
  const guarded = operations.filter(({ isOpen }) => !isOpen).map(({ operationId }) => operationId)
  expect(Object.keys(table).sort()).toEqual(guarded.sort())
  const open = operations.filter(({ isOpen }) => isOpen).map(({ operationId }) => operationId)
  expect(open.sort()).toEqual(['getHealth', 'getReadiness', 'receiveWebhooks'])
})

test('the calls of the table refuse a caller without credentials', async () => {
  for (const { operationId, method, path, isOpen } of operations) {
    const { statusCode } = await service.app.inject({ method, url: path.replace(/\{\w+\}/, '1') })
    expect([operationId, statusCode === 401]).toEqual([operationId, !isOpen])
  }
})

const cells = Object.entries(table).flatMap(([operationId, rows]) =>
  rows.map(([what, ask, answers]) => ({ operationId, what, ask, answers: answers.split(' ') })),
)

describe.each(Object.entries(callers))('%s', (kind, headersOf) => {
  const column = Object.keys(callers).indexOf(kind)
  test.each(cells)('$operationId: $what', async ({ operationId, ask, answers }) => {
    const { url, payload, done } = await ask()
    const method = operations.find((operation) => operation.operationId === operationId)?.method ?? 'GET'
    const answer = await service.app.inject({
      method,
      url,
      headers: headersOf(),
      ...(payload && { payload }),
    })
    expect(outcomeOf(operationId, answer)).toBe(answers[column])
    done?.(answer.statusCode < 300)
  })
})

describe('an admin that the ledger does not know yet', () => {
  test('deletes its own user all the same: the final reading opens its account', async () => {
    service.panel.state.createAdmin('later')
    // Before its account is open.
    await service.app.inject({ url: '/admins', headers: service.as('later') })
    const { url, done } = deleting('later')
    const answer = await service.app.inject({ method: 'DELETE', url, headers: service.as('later') })
    expect(answer.json()).toMatchObject({ state: 'deleted', admin_id: Number(await service.idOf('later')) })
    done?.(true)
  })
})
