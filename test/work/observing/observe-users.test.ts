import { sql } from 'kysely'
import { afterEach, describe, expect, test } from 'vitest'
import { openDatabase } from '../../../src/store/connection/database.ts'
import { type Asked, drawAsked } from '../../../src/store/connection/logical-clock.ts'
import { endTenuresIn, observeGone, observeUsers } from '../../../src/work/observing/observe-users.ts'
import { accountOf, admin, inconsistentAccounts, useLedger, user } from '../../support/ledger.ts'

const ledger = useLedger()

afterEach(async () => {
  expect(await inconsistentAccounts(ledger.db)).toEqual([])
})

async function see(...users: Parameters<typeof observeUsers>[2]): Promise<string[]> {
  const { dropped } = await observeUsers(ledger.db, await drawAsked(ledger.db), users)
  return dropped
}

describe('an observation of users', () => {
  test('opens accounts, counts histories at first sight and only rises after that', async () => {
    const owner = admin('first')
    await see(user('a', 100n, { owner }), user('b', 10n, { owner, status: 'limited' }))
    await see(user('a', 130n, { owner }), user('b', 4n, { owner, status: 'limited' }))
    await see(user('b', 9n, { owner, status: 'expired' }))
    expect(await accountOf(ledger.db, 'first')).toMatchObject({
      total: 145n,
      usersCounted: 145n,
      users: { active: 1n, expired: 1n },
    })
  })

  test('keeps what users counted that are gone, and counts a user of the same name as another one', async () => {
    const owner = admin('second')
    await see(user('reborn', 50n, { owner }))
    await observeGone(ledger.db, await drawAsked(ledger.db), 'reborn')
    expect(await accountOf(ledger.db, 'second')).toMatchObject({ total: 50n, preserved: 50n })
    await see(user('reborn', 7n, { owner, createdAt: '2026-03-03 00:00:00.000000' }))
    expect(await accountOf(ledger.db, 'second')).toMatchObject({
      total: 57n,
      preserved: 50n,
      users: { active: 1n, deleted: 1n },
    })
  })

  test('charges bytes between two readings around a move to nobody', async () => {
    await see(user('mover', 100n, { owner: admin('from') }))
    await see(user('mover', 120n, { owner: admin('to') }))
    await see(user('mover', 125n, { owner: admin('to') }))
    expect(await accountOf(ledger.db, 'from')).toMatchObject({ total: 100n, preserved: 100n })
    expect(await accountOf(ledger.db, 'to')).toMatchObject({ total: 5n, users: { active: 1n } })
  })

  test('keeps users without an owner in tenures of no account', async () => {
    await see(user('nobodys', 100n, { owner: null }))
    await see(user('nobodys', 160n, { owner: admin('adopter') }))
    expect(await accountOf(ledger.db, 'adopter')).toMatchObject({ total: 0n })
  })

  test('tells readings apart by microseconds, whether the panel writes the zeros or not', async () => {
    const owner = admin('micro')
    const createdAt = '2026-01-01 10:00:00.100000'
    await see(user('micro', 5n, { owner, createdAt }))
    await see(user('micro', 8n, { owner, createdAt }))
    expect(await accountOf(ledger.db, 'micro')).toMatchObject({ total: 8n, users: { active: 1n } })
  })

  test.each([
    ['cut off', '2026-01-01 10:00:00.350617', '2026-01-01 10:00:00.000000'],
    ['cut off above the half', '2026-01-01 10:00:00.650617', '2026-01-01 10:00:00.000000'],
    ['rounded up', '2026-12-31 23:59:59.650617', '2027-01-01 00:00:00.000000'],
  ])(
    'counts a user once whose panel has moved to a database of whole seconds: %s',
    async (how, before, after) => {
      const name = how.replaceAll(' ', '_')
      const owner = admin(`moved_${name}`)
      const other = admin(`other_${name}`)
      await see(user(name, 100n, { owner, createdAt: before }))
      await see(user(name, 130n, { owner, createdAt: after }))
      expect(await accountOf(ledger.db, owner.username)).toMatchObject({ total: 130n, users: { active: 1n } })
      // The new database was empty at first, or the user has changed its owner since.
      await observeGone(ledger.db, await drawAsked(ledger.db), name)
      await see(user(name, 140n, { owner, createdAt: after }))
      await see(user(name, 145n, { owner: other, createdAt: after }))
      await see(user(name, 150n, { owner, createdAt: after }))
      await see(user(name, 151n, { owner, createdAt: after }))
      expect(await accountOf(ledger.db, owner.username)).toMatchObject({
        total: 131n,
        users: { active: 1n, deleted: 0n },
      })
      expect(await accountOf(ledger.db, other.username)).toMatchObject({ total: 0n })
    },
  )

  test('counts another user of the name that is created within the second after', async () => {
    const owner = admin('hasty')
    await see(user('hasty', 100n, { owner, createdAt: '2026-01-01 10:00:00.350617' }))
    await see(user('hasty', 7n, { owner, createdAt: '2026-01-01 10:00:00.350618' }))
    await see(user('hasty', 5n, { owner, createdAt: '2026-01-01 10:00:02.000000' }))
    expect(await accountOf(ledger.db, 'hasty')).toMatchObject({
      total: 112n,
      users: { active: 1n, deleted: 2n },
    })
  })

  test('keeps bytes exactly beyond what a float can hold', async () => {
    const owner = admin('whale')
    const most = BigInt(Number.MAX_SAFE_INTEGER)
    await see(user('whale1', most, { owner }), user('whale2', most - 1n, { owner }))
    expect(await accountOf(ledger.db, 'whale')).toMatchObject({ total: 2n * most - 1n })
  })
})

describe('observations that overlap', () => {
  test('are stored in any order without counting a byte twice', async () => {
    const owner = admin('overlap')
    const early = await drawAsked(ledger.db)
    const late = await drawAsked(ledger.db)
    await observeUsers(ledger.db, late, [user('o', 80n, { owner })])
    const { dropped } = await observeUsers(ledger.db, early, [user('o', 60n, { owner })])
    expect(dropped).toEqual(['o'])
    await see(user('o', 90n, { owner }))
    expect(await accountOf(ledger.db, 'overlap')).toMatchObject({ total: 90n })
  })

  test('made at the same moment by two replicas over the same users end at the truth', async () => {
    const owner = admin('replicas')
    const other = openDatabase({ url: ledger.url })
    const page = (lifetime: bigint) =>
      Array.from({ length: 40 }, (_, index) => user(`r${index}`, lifetime, { owner }))
    for (let lifetime = 10n; lifetime <= 100n; lifetime += 10n) {
      const observe = async (db: typeof other, users: ReturnType<typeof page>) => {
        const asked: Asked = await drawAsked(db)
        await observeUsers(db, asked, users)
      }
      await Promise.all([
        observe(ledger.db, page(lifetime)),
        observe(other, page(lifetime).reverse()),
        observe(other, page(lifetime).slice(0, 20)),
        observeGone(ledger.db, await drawAsked(ledger.db), `r${lifetime / 10n}`),
      ])
      expect((await accountOf(ledger.db, 'replicas')).total).toBeLessThanOrEqual(40n * lifetime)
    }
    await see(...page(100n))
    await other.destroy()
    // A user that was taken for gone is anchored where it reappears: what it consumed meanwhile is charged to nobody.
    const { total } = await accountOf(ledger.db, 'replicas')
    expect(total).toBeLessThanOrEqual(4_000n)
    expect(total).toBeGreaterThanOrEqual(3_000n)
  })
})

describe('the database', () => {
  test('refuses a total that falls, whoever asks for it', async () => {
    await see(user('guarded', 10n, { owner: admin('guarded') }))
    const { id } = await accountOf(ledger.db, 'guarded')
    await expect(
      sql`update cumulative_traffic set total_traffic_consumed = 9, users_counted = 9 where admin_id = ${id}`.execute(
        ledger.db,
      ),
    ).rejects.toMatchObject({ constraint: 'total_never_decreases' })
    await expect(
      sql`delete from cumulative_traffic where admin_id = ${id}`.execute(ledger.db),
    ).rejects.toMatchObject({ constraint: 'total_never_decreases' })
  })

  test.each([
    ['total_proven_by_users', sql`users_counted = total_traffic_consumed + 1`],
    ['total_proven_by_panel', sql`panel_offset = total_traffic_consumed + 1`],
    ['preserved_within_users', sql`preserved_counted = users_counted + 1`],
    ['opening_within_total', sql`opening_balance = total_traffic_consumed + 1`],
  ])('refuses parts that are not the total: %s', async (constraint, change) => {
    await see(user('parts', 10n, { owner: admin('parts') }))
    const { id } = await accountOf(ledger.db, 'parts')
    await expect(
      sql`update cumulative_traffic set ${change} where admin_id = ${id}`.execute(ledger.db),
    ).rejects.toMatchObject({ constraint })
  })
})

describe('a user that this service has deleted', () => {
  const createdAt = '2026-01-01 10:00:00.000001'
  /** A page read before the deletion is stored after it: the end of the user's tenure then. */
  const endAfterLatePage = async (username: string, told: { createdAt: string } | null) => {
    const owner = admin(`owner of ${username}`)
    await see(user(username, 10n, { owner, createdAt }))
    const page = await drawAsked(ledger.db)
    const gone = await drawAsked(ledger.db)
    await observeUsers(ledger.db, page, [user(username, 15n, { owner, createdAt })])
    await ledger.db
      .transaction()
      .execute((tx) => endTenuresIn(tx, { username, ...(told ?? { asked: gone }) }, 'service'))
    expect(await accountOf(ledger.db, owner.username)).toMatchObject({ total: 15n })
    // What was asked before that, and comes later still, wakes nobody up.
    await observeUsers(ledger.db, page, [user(username, 15n, { owner, createdAt })])
    return ledger.db.selectFrom('tenures').select('ended_by').where('username', '=', username).execute()
  }

  test('is gone, whatever page that was read before is stored meanwhile', async () => {
    expect(await endAfterLatePage('late', { createdAt })).toEqual([{ ended_by: 'service' }])
  })

  test('stays when nobody knows which user of the name was deleted', async () => {
    expect(await endAfterLatePage('other', null)).toEqual([{ ended_by: null }])
  })
})
