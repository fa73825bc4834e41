import { sql } from 'kysely'
import { beforeEach, describe, expect, test } from 'vitest'
import { closeAccount } from '../../../src/store/accounts/admins.ts'
import { findAccount } from '../../../src/store/accounts/queries.ts'
import type { Limits } from '../../../src/work/limits/limits.ts'
import { turnDueLimits } from '../../../src/work/limits/turn-due-limits.ts'
import {
  closeOpening,
  createAccount,
  daily,
  dayMs,
  limitOf,
  passDays,
  useLimitedAccount,
} from '../../support/limits.ts'

const account = useLimitedAccount()
const { ledger, use, said, status, periods, used } = account
const going = new AbortController().signal
const turn = () => turnDueLimits(ledger.db, going)
let limits: Limits
let id: bigint

beforeEach(() => {
  limits = account.limits
  id = account.id
})

describe('periods', () => {
  test('that are closed early leave the total alone, and arm the limit again', async () => {
    await limits.set(id, limitOf(1_000n))
    await use(1_200n)
    await limits.closePeriod(id, { expected: null, by: 'api_key' })
    expect(await status()).toMatchObject({ state: 'ok', used: 0n })
    expect((await findAccount(ledger.db, id))?.total).toBe(2_200n)
    await use(1_000n)
    expect(await said()).toEqual(['exceeded 100', 'exceeded 100'])
  })

  test('that has ended by itself leaves nothing for whoever wanted to close just that one', async () => {
    const { limit } = await limits.set(id, limitOf(1_000n, { period: daily, carryOver: 'all' }))
    await passDays(ledger.db, id, 1)
    await turn()
    const closing = limits.closePeriod(id, { expected: [String(limit.version)], by: 'api_key' })
    await expect(closing).rejects.toMatchObject({ code: 'precondition_failed' })
    expect((await status()).allowance).toBe(2_000n)
    await use(2_000n)
    expect((await status()).state).toBe('exceeded')
    expect(await said()).toEqual(['exceeded 100'])
  })

  test.each([
    ['none', [1_000n, 1_000n, 1_000n, 1_000n]],
    ['debt', [1_000n, -1_500n, -500n, 500n]],
    ['all', [1_000n, -1_500n, -500n, 500n]],
  ] as const)('that nobody has closed are caught up one by one; over: %s', async (carryOver, allowances) => {
    await limits.set(id, limitOf(1_000n, { period: daily, carryOver }))
    await use(3_500n)
    await passDays(ledger.db, id, 3)
    await Promise.all([turn(), turn()])
    const all = await periods()
    expect(all.map(({ carried }) => carried + 1_000n)).toEqual(allowances)
    expect(all.map(({ closedAt }) => closedAt === null)).toEqual([false, false, false, true])
    for (const [index, { endsAt }] of all.slice(0, -1).entries()) {
      expect(all[index + 1]?.startsAt).toEqual(endsAt)
    }
    expect((await used()).slice(0, 3)).toEqual([3_500n, 0n, 0n])
    // A debt that leaves nothing is exceeded from the beginning.
    expect((await status()).state).toBe('ok')
  })

  test('whose unused rest is carried over add it up', async () => {
    await limits.set(id, limitOf(1_000n, { period: daily, carryOver: 'all' }))
    await use(400n)
    await passDays(ledger.db, id, 2)
    await turn()
    expect((await status()).allowance).toBe(2_600n)
  })

  test('get what is first seen after their beginning, also when nobody has closed the one before', async () => {
    await limits.set(id, limitOf(1_000n, { period: daily, warnAt: [80] }))
    await use(900n)
    await passDays(ledger.db, id, 1)
    await use(850n)
    expect(await status()).toMatchObject({ used: 850n, state: 'warned' })
    expect((await used())[0]).toBe(900n)
    expect(await said()).toEqual(['warned 80', 'warned 80'])
    await turn()
    expect(await periods()).toHaveLength(2)
  })

  test('are never opened again by a clock that is set back', async () => {
    await limits.set(id, limitOf(1_000n, { period: daily }))
    const [first] = await periods()
    const end = first?.endsAt?.getTime() ?? 0
    await use(10n, new Date(end + 1))
    await use(10n, new Date(end - dayMs))
    await turn()
    expect((await periods()).map(({ closedAt }) => closedAt !== null)).toEqual([true, false])
    expect((await status()).used).toBe(20n)
    await limits.closePeriod(id, { expected: null, by: 'api_key' })
    expect((await periods()).every(({ startsAt, endsAt }) => endsAt !== null && endsAt >= startsAt)).toBe(
      true,
    )
  })

  test('use together what the total has grown by, exactly', async () => {
    await limits.set(id, limitOf(1_000n, { period: daily, carryOver: 'all' }))
    for (const days of [0, 1, 2, 0, 5]) {
      await passDays(ledger.db, id, days)
      await use(BigInt(days * 333 + 7))
      if (days === 2) await limits.closePeriod(id, { expected: null, by: 'api_key' })
    }
    const { total } = (await findAccount(ledger.db, id)) ?? { total: 0n }
    const closed = (await used()).slice(0, -1).reduce((sum, bytes) => sum + bytes, 0n)
    expect(closed + (await status()).used).toBe(total - 1_000n)
  })

  test('of a closed account rest', async () => {
    await limits.set(id, limitOf(1_000n, { period: daily }))
    await ledger.db
      .transaction()
      .execute((tx) => closeAccount(tx, id, { asked: 1n, answered: 1n }, new Date()))
    await passDays(ledger.db, id, 3)
    await turn()
    expect(await periods()).toHaveLength(1)
  })

  test('of a closed account rest also when a grant is asked for again or taken back, and when the limit is removed', async () => {
    await limits.set(id, limitOf(1_000n, { period: daily, carryOver: 'all' }))
    const request = { bytes: 500n, note: null, reference: 'invoice-7', by: 'api_key' }
    const { grant } = await limits.grant(id, request)
    await use(900n)
    await ledger.db
      .transaction()
      .execute((tx) => closeAccount(tx, id, { asked: 1n, answered: 1n }, new Date()))
    await passDays(ledger.db, id, 3)
    expect((await limits.grant(id, request)).isNew).toBe(false)
    await limits.revoke(id, grant.id, 'api_key')
    expect(await periods()).toMatchObject([{ granted: 0n, closedAt: null }])
    await limits.remove(id, { expected: null, by: 'api_key' })
    expect(await periods()).toMatchObject([{ totalAtStart: 1_000n, totalAtEnd: 1_900n }])
  })

  test('get another end when the calendar changes, and go on', async () => {
    const { status: before } = await limits.set(id, limitOf(1_000n))
    await use(10n)
    const { status: after } = await limits.set(id, limitOf(1_000n, { period: daily }))
    expect(after).toMatchObject({ used: 10n, period: { id: before.period.id, endsAt: expect.any(Date) } })
  })
})

describe('the end of the validity', () => {
  test('is announced once, also in the periods that follow, until there is another', async () => {
    const validUntil = new Date(Date.now() + dayMs / 2)
    await limits.set(id, limitOf(null, { validUntil, period: daily }))
    await turn()
    expect(await said()).toEqual([])
    await passDays(ledger.db, id, 1)
    await turn()
    expect([(await status()).state, await said()]).toEqual(['expired', ['expired 100']])
    await passDays(ledger.db, id, 2)
    await turn()
    await use(5n)
    expect(await said()).toEqual(['expired 100'])
    await limits.set(id, limitOf(null, { validUntil: new Date(Date.now() - 1_000), period: daily }))
    expect(await said()).toEqual(['expired 100', 'expired 100'])
  })

  test('holds the account again when it comes once more: the clock was set back', async () => {
    const validUntil = new Date(Date.now() + dayMs / 2)
    await limits.set(id, limitOf(10n, { validUntil, onExceed: 'disable_users', warnAt: [50] }))
    await passDays(ledger.db, id, 1)
    await turn()
    expect((await status()).hold).toMatchObject({ reasons: ['expired'] })
    await passDays(ledger.db, id, -1)
    await use(5n)
    expect((await status()).hold).toMatchObject({ reasons: [] })
    await passDays(ledger.db, id, 1)
    await turn()
    expect((await status()).hold).toMatchObject({ reasons: ['expired'] })
    expect(await said()).toEqual(['expired 100', 'warned 50'])
  })

  test('stays announced, and holds the account, also for growth that waited since a moment before it', async () => {
    const validUntil = new Date(Date.now() + dayMs / 2)
    await limits.set(id, limitOf(10n, { validUntil, onExceed: 'disable_users', warnAt: [50] }))
    await passDays(ledger.db, id, 1)
    await turn()
    await use(5n, new Date(validUntil.getTime() - 2 * dayMs))
    expect((await status()).hold).toMatchObject({ reasons: ['expired'] })
    const { rows } = await sql<{ announced: string }>`
      select announced from limits where admin_id = ${id}`.execute(ledger.db)
    expect(rows).toEqual([{ announced: 'expired' }])
  })
})

describe('an account whose opening balance is open', () => {
  beforeEach(async () => {
    account.id = await createAccount(ledger.db, `new${id}`)
    id = account.id
  })

  test('is not judged before it closes, and counts from there', async () => {
    await limits.set(id, limitOf(1_000n, { warnAt: [80], period: daily }))
    await use(5_000n)
    await passDays(ledger.db, id, 2)
    await turn()
    expect(await status()).toMatchObject({ state: 'ok', pending: true, used: 0n })
    await expect(limits.closePeriod(id, { expected: null, by: 'api_key' })).rejects.toMatchObject({
      code: 'conflict',
    })
    await closeOpening(ledger.db, id)
    expect(await status()).toMatchObject({ state: 'ok', pending: false, used: 0n })
    expect((await used()).slice(0, 2)).toEqual([0n, 0n])
    await use(800n)
    expect(await said()).toEqual(['warned 80'])
  })

  test('is judged at the close when all of its traffic counts', async () => {
    await limits.set(id, limitOf(1_000n, { countFrom: 'beginning' }))
    await use(5_000n)
    expect([await said(), await status()]).toMatchObject([[], { used: 5_000n, pending: true, state: 'ok' }])
    await closeOpening(ledger.db, id)
    expect([await said(), (await status()).state]).toEqual([['exceeded 100'], 'exceeded'])
  })
})
