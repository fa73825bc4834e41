import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { writeCursor } from '../../../src/http/input/page.ts'
import { startTestService, type TestService, withKey } from '../service.ts'

type Receipt = { id: number; username: string | null; requested_at: string; parent_id: number | null }

let service: TestService
let ids: { ana: number; bob: number; bulk: number }

/** In this order: ana's a1 by ana, ana's a2 by the key, bob's b1 by bob; then ana's a3 and nobody's o1 in bulk. */
beforeAll(async () => {
  service = await startTestService({
    admins: [{ username: 'root', isSudo: true }, { username: 'ana' }, { username: 'bob' }],
  })
  await service.poll()
  for (const [username, admin] of [
    ['a1', 'ana'],
    ['a2', 'ana'],
    ['a3', 'ana'],
    ['b1', 'bob'],
    ['o1', null],
  ] as const) {
    service.panel.state.createUser(username, { admin, lifetime: 10n })
  }
  const call = (method: 'DELETE' | 'POST', url: string, headers: object, payload?: object) =>
    service.app.inject({ method, url, headers: { ...headers }, ...(payload && { payload }) })
  await call('DELETE', '/users/a1', service.as('ana'))
  await call('DELETE', '/users/a2', withKey)
  await call('DELETE', '/users/b1', service.as('bob'))
  const bulk = (await call('POST', '/deletions', withKey, { usernames: ['a3', 'o1', 'none'] })).json().id
  await service.carryOut(bulk)
  ids = { ana: Number(await service.idOf('ana')), bob: Number(await service.idOf('bob')), bulk }
})
afterAll(() => service.close())

const get = (url: string, headers: Record<string, string> = withKey) => service.app.inject({ url, headers })
const list = async (query: string, headers: Record<string, string> = withKey): Promise<Receipt[]> => {
  const answer = await get(`/deletions${query}`, headers)
  expect(answer.statusCode).toBe(200)
  return answer.json().items
}
const names = (receipts: Receipt[]) => receipts.map(({ username }) => username)
/** The usernames of the list; null: the bulk deletion itself. */
const all = ['none', 'o1', 'a3', null, 'b1', 'a2', 'a1']

describe('GET /deletions', () => {
  test('the list starts with the newest receipt', async () => {
    expect(names(await list(''))).toEqual(all)
  })

  test.each([1, 2, 3, 7])('pages of %i hold every receipt once', async (limit) => {
    const walked: Receipt[] = []
    let cursor: string | null = null
    do {
      const answer = await get(`/deletions?limit=${limit}${cursor === null ? '' : `&cursor=${cursor}`}`)
      const page: { items: Receipt[]; next_cursor: string | null } = answer.json()
      expect(page.items.length).toBeGreaterThan(0)
      walked.push(...page.items)
      cursor = page.next_cursor
    } while (cursor !== null && walked.length < 20)
    expect(walked).toEqual(await list(''))
  })

  test('the list can be filtered by account, kind, state and bulk deletion', async () => {
    expect(names(await list(`?admin=${ids.ana}`))).toEqual(['a3', 'a2', 'a1'])
    expect(names(await list('?kind=users'))).toEqual([null])
    expect(names(await list('?kind=users,admin&state=incomplete'))).toEqual([null])
    expect(names(await list('?kind=user&state=gone,failed'))).toEqual(['none'])
    expect(names(await list(`?parent=${ids.bulk}`))).toEqual(['none', 'o1', 'a3'])
    expect(names(await list(`?parent=${ids.bulk}&admin=${ids.bob}`))).toEqual([])
  })

  test('from is included in the time range, to is not', async () => {
    const receipts = await list('')
    const [a2, a1] = receipts.slice(-2)
    // Requests within one millisecond have the same time.
    const from = a2?.requested_at ?? ''
    const later = receipts.filter(({ requested_at: at }) => at >= from)
    expect(await list(`?from=${from}`)).toEqual(later)
    expect(names(await list(`?to=${a1?.requested_at}`))).toEqual([])
    expect(await list(`?to=${from}`)).toEqual(receipts.slice(later.length))
    expect(names(await list('?from=2026-01-01T00:00:00%2B03:30&to=9999-12-31T23:59:59.999Z'))).toEqual(all)
    expect(names(await list('?to=0000-01-01T00:00:00Z'))).toEqual([])
  })

  test('an admin sees its own requests and the deletions of its account', async () => {
    expect(names(await list('', service.as('root')))).toEqual(all)
    expect(names(await list('', service.as('ana')))).toEqual(['a3', 'a2', 'a1'])
    expect(names(await list('?admin=me', service.as('bob')))).toEqual(['b1'])
    expect((await get(`/deletions?admin=${ids.ana}`, service.as('bob'))).statusCode).toBe(403)
    expect((await get('/deletions?admin=me')).statusCode).toBe(404)
    expect((await get('/deletions', {})).statusCode).toBe(401)
  })

  const time = 'must be a time with its zone, such as 2026-11-22T10:32:39Z (RFC 3339).'
  test.each([
    ['kind=bulk', 'kind must be a list, separated by commas, of one of user, users, admin.'],
    ['state=', 'state must be a list'],
    ['parent=me', `parent must be an integer from 1 to ${Number.MAX_SAFE_INTEGER}.`],
    ['admin=0', 'admin must be an integer'],
    ['from=2026-11-22T10:32:39+03:30', `from ${time} In a URL, write its "+" as %2B.`],
    [
      'from=2026-11-23T00:00:00Z&to=2026-11-22T00:00:00Z',
      'from must not be after to, but 2026-11-23T00:00:00Z is after 2026-11-22T00:00:00Z.',
    ],
    ['from=yesterday', `from ${time}`],
    ['from=2026-11-22', `from ${time}`],
    ['from=2026-11-22T10:32:39', `from ${time}`],
    ['to=2026-02-30T10:32:39Z', `to ${time}`],
    ['to=2026-11-22T25:00:00Z', `to ${time}`],
    ['to=2026-11-22T10:00:00+01:00', `to ${time}`],
    ['limit=0', 'limit must be'],
    ['cursor=x', 'cursor must be the next_cursor'],
    [
      `cursor=${writeCursor({ sort: 'first_seen', key: '', id: 1n })}`,
      'cursor belongs to a list in the order',
    ],
    ['username=a1', 'username is not a parameter of this call; known here: admin, kind'],
  ])('the list refuses %s', async (query, detail) => {
    const answer = await get(`/deletions?${query}`)
    expect(answer.statusCode).toBe(400)
    expect(answer.json().detail).toContain(detail)
  })
})

describe('GET /deletions/{id}', () => {
  test('a receipt is visible to the callers that may see it, and missing for others', async () => {
    for (const receipt of await list('', service.as('ana'))) {
      const url = `/deletions/${receipt.id}`
      expect((await get(url, service.as('ana'))).json()).toEqual(receipt)
      expect((await get(url, service.as('root'))).json()).toEqual(receipt)
      expect((await get(url, service.as('bob'))).statusCode).toBe(404)
    }
    expect((await get(`/deletions/${ids.bulk}`)).json()).toMatchObject({ total: 3, done: 2, failed: 1 })
    expect((await get(`/deletions/${ids.bulk}`, service.as('ana'))).statusCode).toBe(404)
    const missing = await get('/deletions/999999')
    expect(missing.statusCode).toBe(404)
    expect(missing.json()).toMatchObject({ code: 'not_found', detail: expect.stringContaining('999999') })
  })

  test('a new admin does not see the receipts of an older admin of the same name', async () => {
    const own = (await (await get('/deletions', service.as('bob'))).json()).items
    expect(names(own)).toEqual(['b1'])
    const [{ id }] = own
    await service.db
      .updateTable('admins')
      .set({ closed_at: new Date() })
      .where('username', '=', 'bob')
      .execute()
    service.forgetTokens()
    expect(await list('', service.as('bob'))).toEqual([])
    await service.poll()
    service.forgetTokens()
    expect(await list('', service.as('bob'))).toEqual([])
    expect((await get(`/deletions/${id}`, service.as('bob'))).statusCode).toBe(404)
    expect((await get(`/deletions/${id}`, service.as('root'))).statusCode).toBe(200)
  })

  test.each(['0', 'x', '1.5', 'me', '9007199254740992'])('the id %s is refused', async (id) => {
    expect((await get(`/deletions/${id}`)).statusCode).toBe(400)
  })
})
