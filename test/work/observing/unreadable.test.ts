import { beforeEach, describe, expect, test } from 'vitest'
import { oddUsers, unreadableUsers, zonedUsers } from '../../stand-in/odd-values.ts'
import { accountOf, inconsistentAccounts } from '../../support/ledger.ts'
import { useOddPanel } from '../../support/unreadable.ts'

const ctx = useOddPanel()
const { place, poll, scan, list } = ctx
let admin: string

beforeEach(() => {
  admin = ctx.admin
})

const storedScan = async () => {
  const { id } = await accountOf(place.db, admin)
  return place.db.selectFrom('scans').selectAll().where('admin_id', '=', id).executeTakeFirstOrThrow()
}
const stored = async () => {
  const { id } = await accountOf(place.db, admin)
  return place.db
    .selectFrom('cumulative_traffic')
    .selectAll()
    .where('admin_id', '=', id)
    .executeTakeFirstOrThrow()
}
const create = (name: string, options: Parameters<typeof place.panel.state.createUser>[1] = {}) =>
  place.panel.state.createUser(`${admin}_${name}`, { admin, lifetime: 10n, ...options })
const lists = () => place.panel.requests.filter(({ path }) => path === '/api/users').length
/** A user of which the panel's lists and answers are 500. */
const breaking = { expire: 100_000_000_000_000 }

describe('a scan that meets an odd user', () => {
  test.each(Object.entries({ ...oddUsers, ...zonedUsers }))('with %s reads it', async (_, shown) => {
    create('before', { lifetime: 0n })
    create('odd', { shown })
    create('after', { lifetime: 0n })
    await poll()
    await scan()
    expect(await list()).toEqual([])
    const { users } = await accountOf(place.db, admin)
    expect(Object.values(users).reduce((sum, number) => sum + number, 0n)).toBe(3n)
    expect(await stored()).toMatchObject({ opened_at: expect.any(Date) })
  })

  test.each(Object.entries(unreadableUsers))('with %s leaves out only it', async (_, shown) => {
    create('before')
    create('odd', { shown })
    create('after')
    await poll()
    await scan()
    expect(await accountOf(place.db, admin)).toMatchObject({ usersCounted: 20n, users: { active: 2n } })
    expect(await list()).toMatchObject([{ kind: 'user', reason: expect.any(String) }])
    expect(ctx.told).toHaveLength(1)
    // The opening balance closes; nothing is proven of the account as a whole.
    expect(await stored()).toMatchObject({ opened_at: expect.any(Date), snapshot: null })
    await scan()
    expect(ctx.told).toHaveLength(1)
  })

  test('ends no tenure of it, keeps what it counted, and reads it again when it can', async () => {
    const user = create('odd')
    create('other')
    await poll()
    await scan()
    user.shown = { lifetime_used_traffic: 1.5 }
    place.panel.state.accrue(user.username, 5)
    await scan()
    const { since } = (await list())[0] ?? {}
    expect(await accountOf(place.db, admin)).toMatchObject({ usersCounted: 20n, users: { active: 2n } })
    await scan()
    expect(await list()).toMatchObject([{ name: user.username, since }])
    delete user.shown
    await scan()
    expect(await list()).toEqual([])
    expect(await accountOf(place.db, admin)).toMatchObject({ usersCounted: 25n })
    expect((await stored()).snapshot).not.toBeNull()
  })

  test('forgets it when it is gone', async () => {
    const user = create('odd', { shown: { created_at: 'yesterday' } })
    await poll()
    await scan()
    expect(await list()).toHaveLength(1)
    place.panel.state.deleteUser(user.username)
    await scan()
    expect(await list()).toEqual([])
  })

  test.each([0, 99, 100, 249])('reads on behind unreadable users at the end of a page (%i)', async (at) => {
    for (let index = 0; index < 250; index += 1) {
      create(String(index).padStart(3, '0'), {
        shown: index >= at - 1 && index <= at + 1 ? { lifetime_used_traffic: -1 } : {},
      })
    }
    await poll()
    await scan()
    const odd = (await list()).length
    expect(await accountOf(place.db, admin)).toMatchObject({ users: { active: BigInt(250 - odd) } })
    expect(odd).toBe(at === 0 || at === 249 ? 2 : 3)
  })
})

describe('a user that makes every answer with it fail', () => {
  test.each([[[0]], [[57]], [[99]], [[100]], [[249]], [[3, 4, 199]]])(
    'keeps nobody else from being read (%j)',
    async (at) => {
      for (let index = 0; index < 250; index += 1) {
        create(String(index).padStart(3, '0'), at.includes(index) ? breaking : {})
      }
      await poll()
      await scan()
      const read = BigInt(250 - at.length)
      expect(await accountOf(place.db, admin)).toMatchObject({
        users: { active: read },
        usersCounted: 10n * read,
      })
      // Nobody has ever read its name.
      expect(await list()).toMatchObject([
        { kind: 'user', name: null, reason: expect.stringContaining(admin) },
      ])
      expect((await storedScan()).failing_at).toEqual(at.map(String))
      expect(await stored()).toMatchObject({ opened_at: expect.any(Date), snapshot: null })
    },
  )

  test('is looked for once: the next scan knows where it is', async () => {
    for (let index = 0; index < 250; index += 1) {
      create(String(index).padStart(3, '0'), index === 123 ? breaking : {})
    }
    await poll()
    await scan()
    const first = lists()
    await scan((await storedScan()).failing_at)
    // Each of the two sides of it takes as many pages as ever, and it three attempts and one question to the panel.
    expect(lists() - first).toBeLessThanOrEqual(8)
    expect((await storedScan()).failing_at).toEqual(['123'])
  })

  test('is named when it was read before', async () => {
    const user = create('once_fine')
    create('other')
    await poll()
    await scan()
    user.expire = breaking.expire
    await scan()
    expect(await list()).toMatchObject([{ kind: 'user', name: user.username }])
    expect(await accountOf(place.db, admin)).toMatchObject({ users: { active: 2n } })
    user.expire = null
    await scan((await storedScan()).failing_at)
    expect(await list()).toEqual([])
    expect((await storedScan()).failing_at).toEqual([])
  })

  test('costs a bounded number of questions, however many there are', async () => {
    for (let index = 0; index < 2_000; index += 1) create(String(index).padStart(4, '0'), breaking)
    await poll()
    await scan()
    expect(lists()).toBeLessThan(1_200)
    expect(await list()).toMatchObject([{ name: null, reason: expect.stringContaining('2000') }])
  })

  test('is no excuse for a panel that fails at everything', async () => {
    create('one')
    await poll()
    place.panel.faults.add({ kind: 'answer', status: 500, method: 'GET', path: '/api/users' })
    await expect(scan()).rejects.toMatchObject({ code: 'panel_failed' })
    expect(await list()).toEqual([])
    expect(await stored()).toMatchObject({ opened_at: null })
  })
})

describe('sums that no column holds', () => {
  const most = { shown: { lifetime_used_traffic: 2n ** 63n - 1n } }

  test('spoil only the user that makes them', async () => {
    create('first')
    create('huge', most)
    create('last')
    await poll()
    await scan()
    const { usersCounted } = await accountOf(place.db, admin)
    expect([20n, 2n ** 63n - 1n]).toContain(usersCounted)
    expect(await list()).not.toEqual([])
    expect(await inconsistentAccounts(place.db)).toEqual([])
  })

  test('keep a user from counting on when it was set back', async () => {
    const user = create('huge', most)
    await poll()
    await scan()
    user.shown = { lifetime_used_traffic: 0 }
    await scan()
    user.shown = most.shown
    await scan()
    expect(await list()).toMatchObject([{ name: user.username }])
    expect(await accountOf(place.db, admin)).toMatchObject({ usersCounted: 2n ** 63n - 1n })
  })

  test('keep an admin from counting on, and only it', async () => {
    const state = place.panel.state.createAdmin(`${admin}_other`)
    const huge = place.panel.state.admins.get(admin)
    if (!huge) throw new Error('no admin')
    for (const usage of [2n ** 63n - 1n, 0n, 2n ** 63n - 1n]) {
      huge.usage = usage
      state.usage += 5n
      await poll()
    }
    expect(await list()).toMatchObject([{ kind: 'admin', name: admin }])
    expect(await accountOf(place.db, admin)).toMatchObject({ total: 2n ** 63n - 1n })
    expect(await accountOf(place.db, `${admin}_other`)).toMatchObject({ total: 15n })
  })
})
