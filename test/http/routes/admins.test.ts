import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestService, type TestService, withKey } from '../service.ts'

const large = 2n ** 53n + 1n
const largestRead = 2n ** 53n - 1n
const usage = [5n, 7n, 5n, 0n, 7n, 5n, largestRead, largestRead]
const names = ['ida', 'Bea', 'ada', 'dan', 'cy', 'eve', 'gus', 'fay']
const admins = names.map((username, n) => ({ username, isSudo: n === 0, usage: usage[n] ?? 0n }))

let service: TestService
beforeAll(async () => {
  service = await startTestService({ admins })
  await service.poll()
  // The panel's numbers stay below 2^53. Resets lift totals above it.
  for (const username of ['gus', 'fay']) service.panel.state.resetAdminUsage(username)
  await service.poll()
  consumed('gus', 2n)
  consumed('fay', 3n)
  await service.poll()
})
afterAll(() => service.close())

/** The traffic of an admin's users since its counter was reset. */
function consumed(username: string, usage: bigint): void {
  const admin = service.panel.state.admins.get(username)
  if (admin) admin.usage = usage
}

const get = (url: string, headers: Record<string, string> = withKey) => service.app.inject({ url, headers })

type Item = { id: number; username: string; total_traffic: number }

/** Reads a list to its end, with a limit of pages. */
async function walk(url: string): Promise<{ pages: Item[][]; items: Item[] }> {
  const pages: Item[][] = []
  let cursor: string | null = null
  do {
    const next: string = cursor === null ? '' : `&cursor=${cursor}`
    const answer = await get(`${url}${next}`)
    expect(answer.statusCode).toBe(200)
    const body = answer.json()
    pages.push(body.items)
    cursor = body.next_cursor
  } while (cursor !== null && pages.length < 20)
  return { pages, items: pages.flat() }
}

describe('GET /admins', () => {
  const sorts = ['id', 'username', 'total_traffic']
  test.each(sorts.flatMap((sort) => [sort, `-${sort}`]))(
    'the pages in the order %s hold every account once',
    async (sort) => {
      const whole = (await get(`/admins?sort=${sort}`)).json()
      expect(whole.next_cursor).toBeNull()
      const { pages, items } = await walk(`/admins?sort=${sort}&limit=3`)
      expect(pages.map((page) => page.length)).toEqual([3, 3, 2])
      expect(items).toEqual(whole.items)
      expect(new Set(items.map((item) => item.id)).size).toBe(names.length)
    },
  )

  test('accounts with equal totals are ordered by id', async () => {
    const { items } = (await get('/admins?sort=total_traffic')).json()
    const totals = items.map((item: Item) => item.total_traffic)
    expect(totals.slice(0, 6)).toEqual([0, 5, 5, 5, 7, 7])
    const ties = items.slice(1, 4).map((item: Item) => item.id)
    expect(ties).toEqual([...ties].sort((a, b) => a - b))
    const reversed = (await get('/admins?sort=-total_traffic')).json().items
    expect(reversed).toEqual(items.toReversed())
  })

  test('a full last page has no next_cursor', async () => {
    const { pages } = await walk('/admins?limit=4')
    expect(pages.map((page) => page.length)).toEqual([4, 4])
  })

  test('totals above 2^53 are exact', async () => {
    const { body } = await get('/admins?sort=-total_traffic&limit=2')
    expect(body.match(/"total_traffic":\d+/g)).toEqual([
      `"total_traffic":${large + 1n}`,
      `"total_traffic":${large}`,
    ])
  })

  test('a cursor after a total above 2^53 works', async () => {
    const { items } = await walk('/admins?sort=-total_traffic&limit=1')
    expect(items.map(({ username }) => username).slice(0, 2)).toEqual(['fay', 'gus'])
    expect(items).toHaveLength(names.length)
  })

  test('username finds exactly this name', async () => {
    expect((await get('/admins?username=ada')).json().items).toMatchObject([{ username: 'ada' }])
    for (const other of ['ADA', 'ad', 'nobody']) {
      expect((await get(`/admins?username=${other}`)).json()).toEqual({ items: [], next_cursor: null })
    }
  })

  test('a sudo admin sees all accounts, another admin only its own', async () => {
    expect((await get('/admins', service.as('ida'))).json().items).toHaveLength(names.length)
    const own = await get('/admins', service.as('ada'))
    expect(own.json()).toMatchObject({ items: [{ username: 'ada' }], next_cursor: null })
    expect((await get('/admins?username=ada', service.as('ada'))).json().items).toHaveLength(1)
    expect((await get('/admins?username=ida', service.as('ada'))).json().items).toEqual([])
  })
})

describe('an account', () => {
  test('an account has all its fields', async () => {
    service.panel.state.createUser('u1', { admin: 'cy', lifetime: 4n })
    service.panel.state.createUser('u2', { admin: 'cy', lifetime: 1n, status: 'on_hold' })
    await service.scan()
    service.panel.state.deleteUser('u2')
    await service.scan()
    const id = await service.idOf('cy')
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    const account = {
      id: Number(id),
      username: 'cy',
      is_sudo: false,
      state: 'open',
      total_traffic: 7,
      current_traffic: 4,
      preserved_traffic: 1,
      unattributed_traffic: 2,
      opening_balance: 7,
      users: { total: 1, active: 1, disabled: 0, limited: 0, expired: 0, on_hold: 0, deleted: 1 },
      first_seen_at: time,
      missing_since: null,
      closed_at: null,
      last_updated: time,
      limit: null,
      as_of: time,
    }
    expect((await get(`/admins/${id}`)).json()).toEqual(account)
    expect((await get('/admins/me', service.as('cy'))).json()).toEqual(account)
    expect((await get('/admins?username=cy')).json().items).toEqual([account])
  })

  test('an account is missing when the panel no longer lists the admin', async () => {
    service.panel.state.deleteAdmin('dan')
    await service.poll()
    const [missing] = (await get('/admins?username=dan')).json().items
    expect(missing).toMatchObject({ state: 'missing', missing_since: expect.any(String), closed_at: null })
    service.panel.state.createAdmin('dan')
    await service.poll()
    expect((await get('/admins?username=dan')).json().items).toMatchObject([
      { id: missing.id, state: 'open', missing_since: null },
    ])
  })

  test('the account of a deleted admin stays, and a new admin of the same name does not see it', async () => {
    const before = await service.idOf('eve')
    await service.db.updateTable('admins').set({ closed_at: new Date() }).where('id', '=', before).execute()
    await service.poll()
    const { items } = (await get('/admins?username=eve')).json()
    expect(items).toMatchObject([
      { id: Number(before), state: 'closed', closed_at: expect.any(String) },
      { state: 'open' },
    ])
    expect((await get('/admins', service.as('eve'))).json().items).toMatchObject([{ id: items[1].id }])
    expect((await get(`/admins/${before}`, service.as('eve'))).statusCode).toBe(403)
    expect((await get(`/admins/${before}/stats?max_age=0`)).json()).toMatchObject({
      admin: { state: 'closed' },
      stale: false,
    })
  })
})
