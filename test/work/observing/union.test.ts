import { beforeEach, describe, expect, test } from 'vitest'
import { drawAsked } from '../../../src/store/connection/logical-clock.ts'
import { listSuspicious } from '../../../src/store/outbox/events.ts'
import { deleteUser } from '../../../src/work/deleting/delete-user.ts'
import { pollAdmins } from '../../../src/work/observing/observe-admins.ts'
import { observeUsers } from '../../../src/work/observing/observe-users.ts'
import { createPanelLag } from '../../../src/work/observing/panel-lag.ts'
import type { ReadingDeps } from '../../../src/work/observing/read-user-pages.ts'
import { scanAdmin } from '../../../src/work/observing/scan-admin.ts'
import { asOperator, unhurried, useDeleting, workOf } from '../../support/deleting.ts'
import { accountOf, dueScanOf, inconsistentAccounts } from '../../support/ledger.ts'

const hour = 3_600_000
/** By how much the clock of the panel is wrong. */
let wrong = 0
let clock = Date.UTC(2026, 5, 15, 12)
const place = useDeleting({ now: () => clock + wrong })
let admin: string
let count = 0

beforeEach(() => {
  count += 1
  admin = `union${count}`
  wrong = 0
  place.panel.state.createAdmin(admin)
})

const panelLag = createPanelLag(0)
const poll = async () =>
  pollAdmins({ db: place.db, panel: place.client, panelLag }, await drawAsked(place.db))
async function scan(over: Partial<ReadingDeps> = {}): Promise<void> {
  const due = await dueScanOf(place.db, await accountOf(place.db, admin))
  await scanAdmin({ ...workOf(place), ...unhurried, ...over }, due)
}
const round = async () => {
  clock += 10 * 60_000
  await poll()
  await scan()
  await poll()
}
const name = (user: string) => `${admin}_${user}`
const create = (user: string, bytes: number, over: { createdAt?: string } = {}) => {
  place.panel.state.createUser(name(user), { admin, ...over })
  place.panel.state.accrue(name(user), bytes)
}
const total = async () => {
  expect(await inconsistentAccounts(place.db)).toEqual([])
  return (await accountOf(place.db, admin)).total
}
const moveDate = (user: string, ms: number) => {
  const shown = place.panel.state.mustFind(name(user))
  const [second = '', fraction] = shown.createdAt.split('.')
  const moved = new Date(Date.parse(`${second}Z`) + ms).toISOString().slice(0, 19)
  shown.createdAt = fraction === undefined ? moved : `${moved}.${fraction}`
}

describe('the union of both witnesses', () => {
  test('adds what each saw alone: deletions in the panel, and a counter that is reset there', async () => {
    create('a', 100)
    create('b', 100)
    await round()
    place.panel.state.accrue(name('b'), 50)
    place.panel.state.deleteUser(name('b'))
    await round()
    expect(await total()).toBe(250n)
    place.panel.state.accrue(name('a'), 30)
    place.panel.state.resetAdminUsage(admin)
    await round()
    expect(await total()).toBe(280n)
  })

  test('counts no byte twice of a user that a backup brings back which was never seen before', async () => {
    create('a', 100)
    await round()
    create('b', 70)
    const backup = place.panel.state.backup()
    place.panel.state.deleteUser(name('b'))
    await round()
    expect(await total()).toBe(170n)
    place.panel.state.restore(backup)
    await round()
    expect(await total()).toBe(170n)
  })

  test('asks again where an answer from before the scan would make a user appear', async () => {
    create('a', 100)
    await round()
    create('b', 10)
    const before = await drawAsked(place.db)
    const stale = await place.client.user(name('b'))
    place.panel.state.accrue(name('b'), 60)
    const backup = place.panel.state.backup()
    place.panel.state.deleteUser(name('b'))
    await round()
    expect(await total()).toBe(170n)
    const { dropped } = await observeUsers(place.db, before, stale ? [stale] : [])
    expect(dropped).toEqual([name('b')])
    place.panel.state.restore(backup)
    await round()
    expect(await total()).toBe(170n)
  })

  test('takes the counter as it was before the scan began', async () => {
    create('a', 100)
    create('b', 1)
    await round()
    // Between the page and the end of the scan everything goes on, and a poll comes in between.
    const rest = async () => {
      place.panel.state.accrue(name('a'), 40)
      await poll()
    }
    await scan({ rest })
    await round()
    expect(await total()).toBe(BigInt(place.panel.state.admins.get(admin)?.usage ?? 0n))
  })
})

describe('a user whose time of creation was changed', () => {
  test.each([-3, 3, 3.5])('by %s hours, as all others, is counted once', async (hours) => {
    create('a', 100)
    await round()
    moveDate('a', hours * hour)
    place.panel.state.accrue(name('a'), 11)
    await round()
    expect(await total()).toBe(111n)
    expect((await accountOf(place.db, admin)).users).toMatchObject({ active: 1n })
  })

  test('and that a backup brings back after a successor was seen, is counted once', async () => {
    create('a', 100)
    await round()
    moveDate('a', -61_000)
    const backup = place.panel.state.backup()
    place.panel.state.deleteUser(name('a'))
    clock += 60_000
    create('a', 30)
    await round()
    expect(await total()).toBe(130n)
    place.panel.state.restore(backup)
    await round()
    expect(await total()).toBe(130n)
    place.panel.state.accrue(name('a'), 7)
    await round()
    expect(await total()).toBe(137n)
  })

  test.each([0, -3, 3])(
    'is another one if it was created again; the clock of the panel is %s hours off',
    async (hours) => {
      wrong = hours * hour
      create('a', 100)
      await round()
      place.panel.state.deleteUser(name('a'))
      clock += 60_000
      create('a', 500)
      await round()
      expect(await total()).toBe(600n)
      expect((await accountOf(place.db, admin)).users).toMatchObject({ active: 1n, deleted: 1n })
    },
  )
})

describe('where the clock that dates the answers is not the one that dates the users', () => {
  const dated = (hours: number) => ({
    createdAt: new Date(clock + hours * hour).toISOString().replace('T', ' ').replace('Z', '617'),
  })

  test.each([
    { hours: 3, is: 'three hours behind', again: 500, counts: 600n },
    { hours: 3, is: 'three hours behind', again: 20, counts: 120n },
    { hours: -3, is: 'three hours ahead', again: 20, counts: 120n },
    // Who was created three hours before the former was last seen is taken for it; the admin's counter shows what hides there.
    { hours: -3, is: 'three hours ahead', again: 500, counts: 600n },
  ])('$is, a user of 100 bytes created anew with $again makes $counts', async ({ hours, again, counts }) => {
    create('a', 100, dated(hours))
    await round()
    place.panel.state.deleteUser(name('a'))
    clock += 60_000
    create('a', again, dated(hours))
    await round()
    expect(await total()).toBe(counts)
    place.panel.state.accrue(name('a'), 11)
    await round()
    expect(await total()).toBe(counts + 11n)
  })
})

describe('on a panel that keeps whole seconds', () => {
  test('a user created, deleted and created again within one second counts', async () => {
    place.panel.state.database = 'mysql'
    create('a', 0)
    await poll()
    await deleteUser(workOf(place), asOperator(name('a')))
    create('a', 5_000_000)
    await round()
    expect(await total()).toBe(5_000_000n)
  })

  test.each([
    ['of the moment in which it was created', poll],
    ['that was there for some time', round],
  ])('a deleted user %s that a backup brings back counts once', async (_, see) => {
    place.panel.state.database = 'mysql'
    create('a', 700)
    await see()
    const backup = place.panel.state.backup()
    await deleteUser(workOf(place), asOperator(name('a')))
    place.panel.state.restore(backup)
    await round()
    expect(await total()).toBe(700n)
  })
})

describe('what looks wrong', () => {
  test('is counted and told, once an hour for each admin', async () => {
    for (const user of ['a', 'b']) create(user, 1_000)
    await round()
    const backup = place.panel.state.backup()
    for (const user of ['a', 'b']) place.panel.state.mustFind(name(user)).used = 400n
    await round()
    place.panel.state.restore(backup)
    await round()
    const told = (await listSuspicious(place.db, { limit: 20 })).filter((event) => event.admin === admin)
    expect(told).toMatchObject([{ reason: 'counter_returned', counters: 2n, bytes: 1_200n }])
  })
})
