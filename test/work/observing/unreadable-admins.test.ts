import { sql } from 'kysely'
import { beforeEach, describe, expect, test } from 'vitest'
import { drawAsked } from '../../../src/store/connection/logical-clock.ts'
import { scanDueAdmins } from '../../../src/work/collecting/scan-round.ts'
import { pollAdmins } from '../../../src/work/observing/observe-admins.ts'
import { createPanelLag } from '../../../src/work/observing/panel-lag.ts'
import { readNamedUsers } from '../../../src/work/observing/read-users-by-name.ts'
import { oddNames, unreadableAdmins } from '../../stand-in/odd-values.ts'
import { accountOf } from '../../support/ledger.ts'
import { useOddPanel } from '../../support/unreadable.ts'

const ctx = useOddPanel()
const { place, work, poll, scan, list } = ctx
let admin: string

beforeEach(() => {
  admin = ctx.admin
})

const create = (name: string, options: Parameters<typeof place.panel.state.createUser>[1] = {}) =>
  place.panel.state.createUser(`${admin}_${name}`, { admin, lifetime: 10n, ...options })
/** A user of which the panel's lists and answers are 500. */
const breaking = { expire: 100_000_000_000_000 }

describe('a poll that meets an odd admin', () => {
  test.each(Object.entries(unreadableAdmins))('with %s reads all others', async (_, shown) => {
    const odd = place.panel.state.createAdmin(`${admin}_odd`)
    await poll()
    odd.shown = shown
    const known = place.panel.state.admins.get(admin)
    if (known) known.usage = 7n
    await poll()
    await poll()
    expect(await accountOf(place.db, admin)).toMatchObject({ total: 7n })
    expect(await list()).toMatchObject([{ kind: 'admin' }])
    expect(ctx.told).toHaveLength(1)
    delete odd.shown
    await poll()
    expect(await list()).toEqual([])
  })

  test('whose counter alone is odd does not call it missing', async () => {
    const odd = place.panel.state.createAdmin(`${admin}_odd`)
    odd.shown = { users_usage: -1 }
    await poll()
    const account = await accountOf(place.db, odd.username)
    expect(account).toMatchObject({ missingSince: null, hasPanelReading: false })
  })

  test('is noted with it, or the poll is not noted at all: the figures of that admin would look fresh', async () => {
    const odd = place.panel.state.createAdmin(`${admin}_odd`)
    await poll()
    const lastPoll = () => place.db.selectFrom('panel_poll').select('answered_at').executeTakeFirstOrThrow()
    const before = await lastPoll()
    odd.shown = { users_usage: -1 }
    // As if the service were killed when it comes to the list.
    await sql`alter table unreadable_items rename to out_of_reach`.execute(place.db)
    await expect(poll()).rejects.toThrow()
    await sql`alter table out_of_reach rename to unreadable_items`.execute(place.db)
    expect(await lastPoll()).toEqual(before)
  })

  test.each([{ username: undefined }, { username: 7 }])(
    'without a name calls nobody missing, and lists who it can be',
    async (shown) => {
      const odd = place.panel.state.createAdmin(`${admin}_odd`)
      await poll()
      const missing = async () => (await accountOf(place.db, odd.username)).missingSince
      odd.shown = shown
      await poll()
      expect(await missing()).toBeNull()
      expect(await list()).toMatchObject([{ kind: 'admin', name: odd.username }])
      place.panel.state.deleteAdmin(odd.username)
      await poll()
      expect(await missing()).not.toBeNull()
    },
  )

  test('listed twice takes it for one', async () => {
    const adminList = async () => {
      const { admins, unreadable } = await place.client.adminList()
      return { admins: [...admins, ...admins], unreadable }
    }
    const pollTwice = async () => {
      const deps = { db: place.db, panel: { ...place.client, adminList }, panelLag: createPanelLag(0) }
      await pollAdmins(deps, await drawAsked(place.db))
    }
    const known = place.panel.state.admins.get(admin)
    if (known) known.usage = 7n
    await pollTwice()
    if (known) known.usage = 9n
    await pollTwice()
    expect(await accountOf(place.db, admin)).toMatchObject({ total: 9n })
  })

  test('that is the only one says that the panel counts; one without admins does not know', async () => {
    place.panel.state.admins.clear()
    await poll()
    const counts = async () =>
      (await place.db.selectFrom('panel_poll').select('has_admin_usage').executeTakeFirstOrThrow())
        .has_admin_usage
    expect(await counts()).toBeNull()
    place.panel.state.createAdmin(admin).shown = { users_usage: -1 }
    await poll()
    expect(await counts()).toBe(true)
  })
})

describe('a round', () => {
  const round = () =>
    scanDueAdmins(work(), { intervalSeconds: 600, onProgress: () => {}, onFailure: () => {} })

  test('goes on although the oldest user of the panel makes every list fail and a new admin appears', async () => {
    await sql`truncate admins, cumulative_traffic, tenures, scans cascade`.execute(place.db)
    create('oldest', breaking)
    create('other')
    await poll()
    await round()
    place.panel.state.createAdmin('new')
    place.panel.state.createUser('of_new', { admin: 'new', lifetime: 7n })
    await poll()
    await round()
    expect(await accountOf(place.db, 'new')).toMatchObject({ usersCounted: 7n })
  })

  test('reads again who was found unreadable by name, and belongs to nobody', async () => {
    await sql`truncate admins, cumulative_traffic, tenures, scans cascade`.execute(place.db)
    const user = create('stray', { shown: { lifetime_used_traffic: 'much' } })
    await poll()
    await readNamedUsers(work(), [user.username])
    expect(await list()).toMatchObject([{ name: user.username, adminId: null }])
    place.panel.state.deleteUser(user.username)
    await round()
    expect(await list()).toEqual([])
  })

  test.each([1.5, undefined])(
    'scans an admin that counts %s bytes, though it seems not to move',
    async (usage) => {
      await sql`truncate admins, cumulative_traffic, tenures, scans cascade`.execute(place.db)
      const user = create('one')
      place.panel.state.createAdmin(`${admin}_other`)
      await poll()
      await round()
      const state = place.panel.state.admins.get(admin)
      if (state) state.shown = { users_usage: usage }
      place.panel.state.accrueUser(user.username, 5)
      await poll()
      await sql`update scans set started_at = started_at - interval '601 s', finished_at = finished_at - interval '601 s'`.execute(
        place.db,
      )
      await round()
      expect(await accountOf(place.db, admin)).toMatchObject({ usersCounted: 15n })
    },
  )
})

describe('names', () => {
  test.each(Object.entries(oddNames))(
    'of users with %s are read, ctx.told apart and ended',
    async (_, name) => {
      place.panel.state.createUser(`${name}`, { admin, lifetime: 10n })
      place.panel.state.createUser(`${name}x`, { admin, lifetime: 3n })
      await poll()
      await scan()
      await scan()
      expect(await list()).toEqual([])
      expect(await accountOf(place.db, admin)).toMatchObject({ usersCounted: 13n, users: { active: 2n } })
    },
  )

  test.each(Object.entries(oddNames))('of admins with %s have accounts', async (_, name) => {
    place.panel.state.createAdmin(name).usage = 5n
    await poll()
    await poll()
    expect(await accountOf(place.db, name)).toMatchObject({ total: 5n })
  })

  test('that are too long to be ctx.told apart by an index are, by their last letter', async () => {
    const long = 'ж'.repeat(5_000)
    for (const end of ['a', 'b']) {
      place.panel.state.createUser(long + end, { admin, lifetime: 10n, createdAt: '2026-01-01T10:00:00' })
    }
    await poll()
    await scan()
    expect(await accountOf(place.db, admin)).toMatchObject({ usersCounted: 20n, users: { active: 2n } })
  })

  test('one that cannot be read keeps no other name from being read', async () => {
    await poll()
    const odd = create('odd', { shown: { lifetime_used_traffic: 1.5 } })
    const fine = create('fine')
    await readNamedUsers(work(), ['a/b', odd.username, fine.username])
    expect(await accountOf(place.db, admin)).toMatchObject({ usersCounted: 10n })
  })
})
