import { sql } from 'kysely'
import { beforeEach, describe, expect, test } from 'vitest'
import { up as renew, down as undo } from '../../../db/migrations/0013-scan-sights.ts'
import { lockAccounts } from '../../../src/store/accounts/accounts.ts'
import { drawAnswered, drawAsked } from '../../../src/store/connection/logical-clock.ts'
import { rehearse } from '../../../src/store/connection/transact.ts'
import { listSuspicious } from '../../../src/store/outbox/events.ts'
import { endTenuresOf } from '../../../src/store/tenures/tenure-changes.ts'
import { listTenuresOf } from '../../../src/store/tenures/tenures.ts'
import { pollAdmins } from '../../../src/work/observing/observe-admins.ts'
import { observeUsers, observeUsersIn } from '../../../src/work/observing/observe-users.ts'
import { createPanelLag } from '../../../src/work/observing/panel-lag.ts'
import type { ReadingDeps } from '../../../src/work/observing/read-user-pages.ts'
import { readNamedUser } from '../../../src/work/observing/read-users-by-name.ts'
import { scanAdmin } from '../../../src/work/observing/scan-admin.ts'
import { unhurried, useDeleting, workOf } from '../../support/deleting.ts'
import { accountOf, dueScanOf, inconsistentAccounts } from '../../support/ledger.ts'
import { keepOpen, untilWaiting } from '../../support/locks.ts'

const hour = 3_600_000
let clock = Date.UTC(2026, 5, 15, 12)
const place = useDeleting({ now: () => clock })
let admin: string
let count = 0

const poll = async () =>
  pollAdmins({ db: place.db, panel: place.client, panelLag: createPanelLag(0) }, await drawAsked(place.db))
const scan = async (over: Partial<ReadingDeps> = {}) =>
  scanAdmin(
    { ...workOf(place), ...unhurried, ...over },
    await dueScanOf(place.db, await accountOf(place.db, admin)),
  )
const name = (user: string | number) => `${admin}_${user}`
const state = () => place.panel.state
const readFromPanel = async (user: string) => {
  const asked = await drawAsked(place.db)
  const shown = await place.client.user(name(user))
  if (!shown) throw new Error(`no user ${user}`)
  return { asked, shown }
}
const total = async () => {
  expect(await inconsistentAccounts(place.db)).toEqual([])
  return (await accountOf(place.db, admin)).total
}
const tenureOf = (user: number) =>
  place.db
    .selectFrom('tenures')
    .select(['reading', 'ended_by'])
    .where('username', '=', name(user))
    .executeTakeFirstOrThrow()
/** The version of each of the admin's rows: it changes with every write. */
const versions = async (): Promise<Map<string, string>> => {
  const { rows } = await sql<{ username: string; version: string }>`
    select username, xmin::text || ' ' || ctid::text as version from tenures
    where username like ${`${admin}\\_%`} order by id`.execute(place.db)
  return new Map(rows.map(({ username, version }) => [username, version]))
}
const written = async (work: () => Promise<unknown>) => {
  const before = await versions()
  await work()
  const after = await versions()
  return [...after].filter(([user, version]) => before.get(user) !== version).map(([user]) => user)
}

beforeEach(async () => {
  count += 1
  admin = `sights${count}`
  state().createAdmin(admin)
  for (let user = 0; user < 130; user += 1) state().createUser(name(user), { admin, lifetime: 100n })
  clock += hour
  await poll()
  await scan()
  clock += hour
})

describe('a scan after one that was complete', () => {
  test('stores nothing of users that have not changed, and is complete as well', async () => {
    const before = await accountOf(place.db, admin)
    state().accrue(name(7), 5)
    state().mustFind(name(8)).status = 'disabled'
    expect(await written(scan)).toEqual([name(7), name(8)])
    const after = await dueScanOf(place.db, before)
    expect(after.wasComplete).toBe(true)
    expect(await total()).toBe(13_005n)
  })

  test('looks only now and then where everybody has changed', async () => {
    const isUnchanged = (user: number) => user === 50 || user === 95
    for (let user = 0; user < 130; user += 1) if (!isUnchanged(user)) state().accrue(name(user), 5)
    // Of pages of ten, the first and the eleventh: there is the second of the two.
    const users = await written(() => scan({ pageSize: 10 }))
    expect(users).toHaveLength(129)
    expect(users).not.toContain(name(95))
    expect(await total()).toBe(13_000n + 128n * 5n)
  })

  test('stores whom it sees more than two minutes later: one time stands for all others', async () => {
    const rest = async () => {
      clock += 90_000
    }
    const users = await written(() => scan({ pageSize: 40, rest }))
    // Each page begins with the last user of the one before: the third begins with the 79th.
    expect(users).toHaveLength(130 - 78)
    expect(await total()).toBe(13_000n)
  })

  test('does not hide that a user is gone of which a question during the scan is answered after it', async () => {
    const scanThenDelete = async () => {
      await scan()
      state().deleteUser(name(3))
    }
    place.panel.faults.add({
      kind: 'hook',
      method: 'GET',
      path: `/api/user/${name(3)}`,
      times: 1,
      before: scanThenDelete,
    })
    await readNamedUser({ db: place.db, panel: place.client }, name(3))
    expect(await tenureOf(3)).toMatchObject({ ended_by: 'panel' })
  })

  test('says when its users were seen also of those that end with their account', async () => {
    await scan()
    const { id } = await accountOf(place.db, admin)
    const rows = await rehearse(place.db, async (tx) => {
      const { tick, at } = await drawAnswered(tx)
      await endTenuresOf(tx, id, 'transfer', { asked: tick, answered: tick }, at)
      return tx.selectFrom('tenures').select('seen_at').where('admin_id', '=', id).execute()
    })
    expect(new Set(rows.map(({ seen_at }) => seen_at?.getTime()))).toEqual(new Set([clock]))
  })

  test('asks by name for nobody whom it saw, and finds who is gone', async () => {
    state().deleteUser(name(3))
    place.panel.requests.splice(0)
    await scan()
    const named = place.panel.requests.flatMap(({ path }) => path.match(/^\/api\/user\/(.*)$/)?.[1] ?? [])
    expect(named).toEqual([name(3)])
    expect(await tenureOf(3)).toMatchObject({ ended_by: 'panel' })
    expect(await tenureOf(4)).toMatchObject({ ended_by: null })
  })

  test('asks again for a user that an answer from before it changed meanwhile', async () => {
    const { asked, shown } = await readFromPanel('5')
    const old = { ...shown, lifetimeUsedTraffic: 130n }
    const storeOld = async () => {
      expect(await observeUsers(place.db, asked, [old])).toMatchObject({ dropped: [] })
    }
    // After the page with this user: the second page is the last one.
    place.panel.faults.add({
      kind: 'hook',
      method: 'GET',
      path: '/api/users',
      skip: 1,
      times: 1,
      before: storeOld,
    })
    place.panel.requests.splice(0)
    await scan()
    expect(place.panel.requests.filter(({ path }) => path === `/api/user/${name(5)}`)).toHaveLength(1)
    expect((await dueScanOf(place.db, await accountOf(place.db, admin))).wasComplete).toBe(true)
  })

  /** Stores an older answer in which user 5 has 130 bytes, and does not commit yet. */
  const storeOld = async () => {
    const { asked, shown } = await readFromPanel('5')
    const old = { ...shown, lifetimeUsedTraffic: 130n }
    return keepOpen(place.db, (tx) => observeUsersIn(tx, asked, [old]))
  }

  test('begins when nobody is about to store an older answer', async () => {
    const old = await storeOld()
    const scanning = scan()
    await untilWaiting(place.db, 1)
    await Promise.all([old.commit(), scanning])
    expect(await tenureOf(5)).toMatchObject({ reading: 100n })
  })

  test('sees that an older answer was stored which had waited for the scan to begin', async () => {
    const { id } = await accountOf(place.db, admin)
    const holding = await keepOpen(place.db, (tx) => lockAccounts(tx, [id]))
    const scanning = scan()
    await untilWaiting(place.db, 1)
    const storing = storeOld()
    await untilWaiting(place.db, 2)
    await holding.commit()
    const old = await storing
    await untilWaiting(place.db, 1)
    await Promise.all([old.commit(), scanning])
    expect(await tenureOf(5)).toMatchObject({ reading: 100n })
  })

  test('lets no answer be stored later that was asked for while it ran: a backup had undone what it showed', async () => {
    await poll()
    const backup = state().backup()
    state().accrue(name(1), 40)
    await poll()
    let old: Awaited<ReturnType<typeof readFromPanel>> | undefined
    const readThenRestore = async () => {
      old = await readFromPanel('1')
      state().restore(backup)
    }
    place.panel.faults.add({
      kind: 'hook',
      method: 'GET',
      path: '/api/users',
      times: 1,
      before: readThenRestore,
    })
    expect(await written(scan)).toEqual([])
    expect(await total()).toBe(13_040n)
    if (!old) throw new Error('not read')
    expect(await observeUsers(place.db, old.asked, [old.shown])).toMatchObject({ dropped: [name(1)] })
    expect(await total()).toBe(13_040n)
  })

  test('dates what it saw to two minutes, though the clock of the panel is set back while it runs', async () => {
    const steps = [119_000, -238_000]
    clock += hour
    const shownAt = clock + 119_000
    await scan({
      pageSize: 40,
      rest: async () => {
        clock += steps.shift() ?? 0
      },
    })
    const [tenure] = await listTenuresOf(place.db, name(60))
    expect(Math.abs((tenure?.seenAt ?? 0) - shownAt)).toBeLessThanOrEqual(120_000)
  })

  test('tells when its users were seen: one with a later date, created before that, is the same', async () => {
    clock += 10 * hour
    await scan()
    state().mustFind(name(1)).createdAt = new Date(clock - hour).toISOString().slice(0, 23)
    clock += hour
    await scan()
    expect(await total()).toBe(13_000n)
  })

  test('tells it of what a user gained as well: nothing is called too fast that took hours', async () => {
    clock += 10 * hour
    await scan()
    state().accrue(name(1), 1_250_000_000 * 60)
    clock += hour
    await scan()
    state().accrue(name(2), 1_250_000_000 * 7_200)
    clock += hour
    await scan()
    const suspicions = (await listSuspicious(place.db, { limit: 100 })).filter(({ username }) =>
      username?.startsWith(admin),
    )
    expect(suspicions.map(({ username, reason }) => [username, reason])).toEqual([[name(2), 'too_fast']])
  })
})

describe('a scan after one that was not complete', () => {
  test('stores when it saw each user: nobody has done it before', async () => {
    const stop = async () => {
      throw new Error('the service stopped')
    }
    await expect(scan({ rest: stop })).rejects.toThrow('stopped')
    expect((await dueScanOf(place.db, await accountOf(place.db, admin))).wasComplete).toBe(false)
    expect(await written(scan)).toHaveLength(130)
    expect(await written(scan)).toEqual([])
  })
})

test('the version before finds in each row what the scan kept for all', async () => {
  await scan()
  const steps = place.db as unknown as Parameters<typeof undo>[0]
  const { scanned, scan_ended: ended } = await place.db
    .selectFrom('cumulative_traffic')
    .select(['scanned', 'scan_ended'])
    .where('admin_id', '=', (await accountOf(place.db, admin)).id)
    .executeTakeFirstOrThrow()
  await undo(steps)
  const rows = await place.db
    .selectFrom('tenures')
    .select(['answered', 'asked', 'seen_at'])
    .where('username', 'like', `${admin}\\_%`)
    .execute()
  expect(rows).toHaveLength(130)
  expect(new Set(rows.map(({ answered, asked }) => `${answered} ${asked}`))).toEqual(
    new Set([`${ended} ${scanned}`]),
  )
  expect(new Set(rows.map(({ seen_at }) => seen_at?.getTime()))).toEqual(new Set([clock]))
  await renew(steps)
})
