import { sql } from 'kysely'
import { beforeEach, describe, expect, test } from 'vitest'
import { lockAccounts } from '../../../src/store/accounts/accounts.ts'
import { drawAnswered, drawAsked } from '../../../src/store/connection/logical-clock.ts'
import { pollAdmins } from '../../../src/work/observing/observe-admins.ts'
import { createPanelLag } from '../../../src/work/observing/panel-lag.ts'
import type { ReadingDeps, UsersProgress } from '../../../src/work/observing/read-user-pages.ts'
import { scanAdmin } from '../../../src/work/observing/scan-admin.ts'
import { eachRelease } from '../../stand-in/every-panel.ts'
import { traitsOf } from '../../stand-in/release.ts'
import { unhurried, useDeleting, workOf } from '../../support/deleting.ts'
import { accountOf, dueScanOf, inconsistentAccounts } from '../../support/ledger.ts'

describe.each(eachRelease)('Marzban $release on $database', (panel) => {
  const place = useDeleting(panel)
  let admin: string
  let count = 0
  let progress: UsersProgress[]

  beforeEach(async () => {
    // The ledger is shared by the tests of this file, the panel is not.
    count += 1
    admin = `admin${count}`
    progress = []
    place.panel.state.createAdmin(admin)
  })

  const name = (index: number) => `${admin}_${String(index).padStart(4, '0')}`
  const createUsers = (users: number, createdAt?: string) => {
    for (let index = 0; index < users; index += 1) {
      place.panel.state.createUser(name(index), { admin, ...(createdAt && { createdAt }) })
      place.panel.state.accrue(name(index), 10)
    }
  }
  const poll = async () =>
    pollAdmins({ db: place.db, panel: place.client, panelLag: createPanelLag(0) }, await drawAsked(place.db))
  async function scan(over: Partial<ReadingDeps> = {}): Promise<void> {
    const due = await dueScanOf(place.db, await accountOf(place.db, admin))
    await scanAdmin({ ...workOf(place), ...unhurried, ...over }, due, (users) => {
      progress.push(users)
      return []
    })
  }
  const tenuresOf = async () => {
    const { id } = await accountOf(place.db, admin)
    return place.db
      .selectFrom('tenures')
      .select(['username', 'counted', 'ended_by'])
      .where('admin_id', '=', id)
      .orderBy('username')
      .execute()
  }
  const isOpened = async () => {
    const { id } = await accountOf(place.db, admin)
    const account = await place.db
      .selectFrom('cumulative_traffic')
      .select('opened_at')
      .where('admin_id', '=', id)
      .executeTakeFirst()
    return account?.opened_at !== null
  }
  const pages = { method: 'GET', path: '/api/users' }

  describe('a scan', () => {
    test('reads all users in pages and says how far it is', async () => {
      createUsers(250)
      await poll()
      await scan()
      expect(await tenuresOf()).toHaveLength(250)
      expect(progress.map(({ done }) => done)).toEqual(
        progress.map(({ done }) => done).toSorted((a, b) => a - b),
      )
      expect(progress.at(-1)).toEqual({ done: 250, total: 250 })
      expect(await accountOf(place.db, admin)).toMatchObject({ total: 2_500n, usersCounted: 2_500n })
    })

    test('rests after every answer, and is told how long it took', async () => {
      createUsers(150)
      await poll()
      const rests: number[] = []
      let clock = 0
      // Between asking and the answer the clock is looked at twice.
      const now = () => {
        clock += 7
        return clock
      }
      await scan({ now, rest: async (tookMs) => void rests.push(tookMs) })
      expect(rests).toEqual([7, 7])
    })

    test.each([
      ['', undefined],
      [', all of them created within one second of a panel on MySQL', '2026-01-01T10:00:00'],
    ])('passes nobody over when users are deleted between two pages%s', async (_, createdAt) => {
      createUsers(400, createdAt)
      await poll()
      const removeFirst = () => {
        for (let index = 0; index < 30; index += 1) place.panel.state.deleteUser(name(index))
      }
      place.panel.faults.add({ kind: 'hook', ...pages, after: removeFirst, times: 1 })
      await scan()
      expect(await tenuresOf()).toHaveLength(400)
      // That they are gone shows in the next one: this one had read them.
      await scan()
      const tenures = await tenuresOf()
      expect(tenures.filter(({ ended_by }) => ended_by === null)).toHaveLength(370)
      expect(await accountOf(place.db, admin)).toMatchObject({ total: 4_000n, usersCounted: 4_000n })
    })

    test('counts nothing twice of users that are reset while the panel lists them', async () => {
      createUsers(2)
      await poll()
      await scan()
      for (const index of [0, 1]) place.panel.state.accrue(name(index), 5)
      await poll()
      // What they consumed since their last resets is read before this reset, and what they had at resets after it.
      const users: ReadingDeps['panel']['users'] = async (part, options) => {
        const before = await place.client.users(part, options)
        place.panel.state.resetUser(name(0))
        const { users: after, ...page } = await place.client.users(part, options)
        const torn = after.map((user, index) => {
          const used = before.users[index]?.usedTraffic ?? null
          const atResets = user.lifetimeUsedTraffic - (user.usedTraffic ?? 0n)
          return { ...user, usedTraffic: used, lifetimeUsedTraffic: atResets + (used ?? 0n) }
        })
        return { ...page, users: torn }
      }
      await scan({ panel: { ...place.client, users } })
      expect(await accountOf(place.db, admin)).toMatchObject({ total: 30n, usersCounted: 30n })
      place.panel.state.accrue(name(0), 7)
      await poll()
      await scan()
      expect(await accountOf(place.db, admin)).toMatchObject({ total: 37n, usersCounted: 37n })
      expect(await inconsistentAccounts(place.db)).toEqual([])
    })

    test('reads a user whose name fits into no path, also after a reset, and finds it gone', async () => {
      const odd = `${admin}/odd`
      place.panel.state.createUser(odd, { admin })
      place.panel.state.accrue(odd, 10)
      await poll()
      await scan()
      place.panel.state.resetUser(odd)
      place.panel.state.accrue(odd, 7)
      await scan()
      expect(await accountOf(place.db, admin)).toMatchObject({ usersCounted: 17n })
      place.panel.state.deleteUser(odd)
      await scan()
      expect(await tenuresOf()).toMatchObject([{ counted: 17n, ended_by: 'panel' }])
      expect(await dueScanOf(place.db, await accountOf(place.db, admin))).toMatchObject({ wasComplete: true })
    })

    test('reads on after a page of fewer users than it asked for, when there are more', async () => {
      createUsers(30)
      await poll()
      const users: ReadingDeps['panel']['users'] = ({ limit, ...part }, options) =>
        place.client.users({ ...part, limit: Math.min(limit, 10) }, options)
      await scan({ panel: { ...place.client, users } })
      expect(await tenuresOf()).toHaveLength(30)
      expect(progress.at(-1)).toEqual({ done: 30, total: 30 })
    })

    test('ends the tenure of a user that the panel does not have any more; its bytes stay', async () => {
      createUsers(3)
      await poll()
      await scan()
      place.panel.state.accrue(name(1), 5)
      place.panel.state.deleteUser(name(1))
      await poll()
      await scan()
      expect(await tenuresOf()).toMatchObject([
        { counted: 10n, ended_by: null },
        { counted: 10n, ended_by: 'panel' },
        { counted: 10n, ended_by: null },
      ])
      const { total, usersCounted, preserved } = await accountOf(place.db, admin)
      // The five bytes that only the admin's counter saw are attributed to no user. Before 0.8 there is no such counter.
      const { hasUsage } = traitsOf(panel.release)
      expect({ total, usersCounted, preserved }).toEqual({
        total: hasUsage ? 35n : 30n,
        usersCounted: 30n,
        preserved: 10n,
      })
    })

    test('ends the tenure of a user whose name another one has in other letters, on a panel that ignores case', async () => {
      place.panel.state.ignoresCase = true
      const before = `${admin}_Alice`
      place.panel.state.createUser(before, { admin })
      place.panel.state.accrue(before, 10)
      await poll()
      await scan()
      place.panel.state.deleteUser(before)
      place.panel.state.createUser(before.toLowerCase(), { admin })
      place.panel.state.accrue(before.toLowerCase(), 3)
      await poll()
      await scan()
      expect((await tenuresOf()).toSorted((a, b) => Number(b.counted - a.counted))).toEqual([
        { username: before, counted: 10n, ended_by: 'panel' },
        { username: before.toLowerCase(), counted: 3n, ended_by: null },
      ])
      expect(await accountOf(place.db, admin)).toMatchObject({
        total: 13n,
        users: { active: 1n, deleted: 1n },
      })
    })

    test('ends no tenure because of an answer that is not 404', async () => {
      createUsers(2)
      await poll()
      await scan()
      place.panel.state.deleteUser(name(0))
      place.panel.faults.add({ kind: 'answer', status: 502, method: 'GET', path: `/api/user/${name(0)}` })
      await expect(scan()).rejects.toMatchObject({ code: 'panel_failed' })
      place.panel.faults.clear()
      place.panel.faults.add({ kind: 'answer', status: 500, method: 'GET', path: `/api/user/${name(0)}` })
      await scan()
      expect(await tenuresOf()).toMatchObject([{ ended_by: null }, { ended_by: null }])
      place.panel.faults.clear()
      await scan()
      expect(await tenuresOf()).toMatchObject([{ ended_by: 'panel' }, { ended_by: null }])
    })

    test('keeps what it has read when the panel fails, and does not close the opening balance', async () => {
      createUsers(250)
      await poll()
      place.panel.faults.add({ kind: 'hang', ...pages, skip: 1 })
      await expect(scan()).rejects.toMatchObject({ code: 'panel_timeout' })
      expect(await tenuresOf()).toHaveLength(100)
      expect(await isOpened()).toBe(false)
      place.panel.faults.clear()
      await scan()
      expect(await isOpened()).toBe(true)
    })

    test('stops between two pages when it is told to', async () => {
      createUsers(250)
      await poll()
      const stopping = new AbortController()
      const rest = async () => stopping.abort()
      await expect(scan({ signal: stopping.signal, rest })).rejects.toThrow('aborted')
      expect(await tenuresOf()).toHaveLength(100)
    })

    test('dates what it has proven when nobody else can add to it any more', async () => {
      createUsers(1)
      await poll()
      const { id } = await accountOf(place.db, admin)
      const locked = Promise.withResolvers<void>()
      const released = Promise.withResolvers<void>()
      const other = place.db.transaction().execute(async (tx) => {
        await released.promise
        await lockAccounts(tx, [id])
        locked.resolve()
        const isWaiting = async () => {
          const { rows } = await sql`
          select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`.execute(
            tx,
          )
          return rows.length > 0
        }
        await expect.poll(isWaiting).toBe(true)
        return (await drawAnswered(tx)).at
      })
      const rest = async () => {
        released.resolve()
        await locked.promise
      }
      await scan({ rest })
      const { snapshot_at } = await place.db
        .selectFrom('cumulative_traffic')
        .select('snapshot_at')
        .where('admin_id', '=', id)
        .executeTakeFirstOrThrow()
      expect(snapshot_at?.getTime()).toBeGreaterThanOrEqual((await other).getTime())
    })

    test('keeps the past as opening balance, and what comes later by the hour', async () => {
      createUsers(2)
      await poll()
      await scan()
      place.panel.state.accrue(name(0), 7)
      await scan()
      const { id } = await accountOf(place.db, admin)
      const account = await place.db
        .selectFrom('cumulative_traffic')
        .select(['opening_balance', 'total_traffic_consumed'])
        .where('admin_id', '=', id)
        .executeTakeFirst()
      expect(account).toEqual({ opening_balance: 20n, total_traffic_consumed: 27n })
      expect(await inconsistentAccounts(place.db)).toEqual([])
    })
  })
})
