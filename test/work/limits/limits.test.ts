import { beforeEach, describe, expect, test } from 'vitest'
import { closeAccount } from '../../../src/store/accounts/admins.ts'
import { findAccount } from '../../../src/store/accounts/queries.ts'
import { openDatabase } from '../../../src/store/connection/database.ts'
import type { Limits } from '../../../src/work/limits/limits.ts'
import { daily, grow, limitOf, useLimitedAccount } from '../../support/limits.ts'

const account = useLimitedAccount()
const { ledger, use, said, status, page, periods, used } = account
let limits: Limits
let id: bigint

beforeEach(() => {
  limits = account.limits
  id = account.id
})

describe('growth', () => {
  test('is judged to the byte: a warning, then the allowance, each announced once', async () => {
    await limits.set(id, limitOf(1_000n, { warnAt: [80, 95] }))
    await use(799n)
    expect([(await status()).state, await said()]).toEqual(['ok', []])
    await use(1n)
    expect([(await status()).state, await said()]).toEqual(['warned', ['warned 80']])
    await use(199n)
    expect((await status()).remaining).toBe(1n)
    await use(1n)
    await use(500n)
    expect(await said()).toEqual(['warned 80', 'warned 95', 'exceeded 100'])
    expect(await status()).toMatchObject({
      state: 'exceeded',
      used: 1_500n,
      overshoot: 500n,
      usedPercent: 150n,
    })
  })

  test('that crosses several at once records all, and says which is the gravest', async () => {
    await limits.set(id, limitOf(1_000n, { warnAt: [80, 95] }))
    await use(2_000n)
    const events = await ledger.db
      .selectFrom('events')
      .selectAll()
      .where('admin_id', '=', id)
      .where('type', '<>', 'limit.changed')
      .orderBy('id')
      .execute()
    expect(events.map(({ type, payload }) => [type, payload])).toEqual([
      ['limit.warned', expect.objectContaining({ threshold: 80, gravest: false })],
      ['limit.warned', expect.objectContaining({ threshold: 95, gravest: false })],
      [
        'limit.exceeded',
        expect.objectContaining({
          gravest: true,
          total: 3_000,
          used: 2_000,
          allowance: 1_000,
          ends_at: null,
        }),
      ],
    ])
  })

  test('in two transactions at once crosses once', async () => {
    await limits.set(id, limitOf(1_000n, { warnAt: [50] }))
    await Promise.all(Array.from({ length: 8 }, () => use(300n)))
    expect(await said()).toEqual(['warned 50', 'exceeded 100'])
    expect((await status()).used).toBe(2_400n)
  })

  test('costs no statement as long as nothing is crossed, with a limit or without', async () => {
    const statements: unknown[] = []
    const db = openDatabase({
      url: ledger.url,
      onStatement: (statement) => void statements.push(statement),
    })
    const costOf = async (bytes: bigint) => {
      statements.length = 0
      await grow(db, id, bytes)
      return statements.length
    }
    const without = await costOf(1n)
    await limits.set(id, limitOf(1_000n, { warnAt: [80], period: daily }))
    expect(await costOf(1n)).toBe(without)
    expect(await costOf(900n)).toBeGreaterThan(without)
    expect(await costOf(1n)).toBe(without)
    await db.destroy()
  })
})

describe('a limit that changes', () => {
  test('is announced again as another version, and never twice as the same', async () => {
    await limits.set(id, limitOf(1_000n))
    await use(1_000n)
    await limits.set(id, limitOf(5_000n))
    expect((await status()).state).toBe('ok')
    await use(1n)
    expect(await said()).toEqual(['exceeded 100'])
    const { limit } = await limits.set(id, limitOf(1_000n))
    expect(await said()).toEqual(['exceeded 100', 'exceeded 100'])
    // Nothing changes: no new version.
    expect((await limits.set(id, limitOf(1_000n))).limit.version).toBe(limit.version)
    await use(1n)
    expect(await said()).toHaveLength(2)
  })

  test('changes nothing in a dry run, which answers what would be', async () => {
    const { limit, status: before } = await limits.set(id, limitOf(5_000n))
    await use(2_000n)
    const dry = await limits.set(id, { ...limitOf(1_000n), isDryRun: true })
    expect(dry.status).toMatchObject({ state: 'exceeded', overshoot: 1_000n })
    expect([(await limits.read(id)).limit, (await status()).period, await said()]).toEqual([
      limit,
      before.period,
      [],
    ])
  })

  test('is refused to a caller that saw another version', async () => {
    const { limit } = await limits.set(id, limitOf(1_000n))
    const expected = [String(limit.version)]
    await limits.set(id, { ...limitOf(2_000n), expected })
    await expect(limits.set(id, { ...limitOf(3_000n), expected })).rejects.toMatchObject({
      code: 'precondition_failed',
    })
    await expect(limits.remove(id, { expected, by: 'api_key' })).rejects.toMatchObject({
      code: 'precondition_failed',
    })
    await limits.remove(id, { expected: 'any', by: 'api_key' })
    await expect(limits.set(id, { ...limitOf(1n), expected: 'any' })).rejects.toMatchObject({
      code: 'precondition_failed',
    })
  })

  test('ends with its period when it is removed, and begins anew', async () => {
    await limits.set(id, limitOf(1_000n))
    await use(1_500n)
    await limits.remove(id, { expected: null, by: 'api_key' })
    await use(100n)
    expect((await findAccount(ledger.db, id))?.limit).toBeNull()
    await limits.set(id, limitOf(1_000n))
    await use(1_000n)
    expect(await used()).toEqual([1_500n, -2_600n])
    expect((await periods())[0]).toMatchObject({ totalAtEnd: 2_500n, allowanceAtEnd: 1_000n })
    expect(await said()).toEqual(['exceeded 100', 'exceeded 100'])
  })

  test('that is removed says how its last period ended, and that what was announced is over', async () => {
    await limits.set(id, limitOf(1_000n))
    await use(1_500n)
    await limits.remove(id, { expected: null, by: 'api_key' })
    const events = await ledger.db
      .selectFrom('events')
      .select(['type', 'payload'])
      .where('admin_id', '=', id)
      .where('type', 'in', ['period.closed', 'limit.cleared'])
      .orderBy('id')
      .execute()
    expect(events.map(({ type, payload }) => [type, payload])).toEqual([
      ['period.closed', expect.objectContaining({ used: 1_500, allowance: 1_000, total: 2_500 })],
      ['limit.cleared', expect.objectContaining({ was: 'exceeded', used: 1_500, allowance: 1_000 })],
    ])
  })

  test('counts from the beginning if it is told so', async () => {
    const { status: from } = await limits.set(id, limitOf(1_000n, { countFrom: 'beginning' }))
    expect(from).toMatchObject({ state: 'exceeded', used: 1_000n })
    await expect(limits.set(id, limitOf(1_000n, { countFrom: 'now' }))).rejects.toMatchObject({
      code: 'conflict',
    })
  })

  test('that is set anew from the beginning counts again what the one before has counted', async () => {
    await limits.set(id, limitOf(1_000n))
    await use(1_500n)
    await limits.remove(id, { expected: null, by: 'api_key' })
    await use(100n)
    await limits.set(id, limitOf(1_000n, { countFrom: 'beginning' }))
    expect([(await used())[0], (await status()).used]).toEqual([1_500n, 2_600n])
  })

  test('is refused on a closed account', async () => {
    await ledger.db
      .transaction()
      .execute((tx) => closeAccount(tx, id, { asked: 1n, answered: 1n }, new Date()))
    await expect(limits.set(id, limitOf(1n))).rejects.toMatchObject({ code: 'conflict' })
  })
})

describe('a grant', () => {
  const grant = (bytes: bigint, reference: string | null = null) =>
    limits.grant(id, { bytes, reference, note: null, by: 'api_key' })

  test('tops the period up, re-arms what was crossed, and is judged at once when it is revoked', async () => {
    await limits.set(id, limitOf(1_000n))
    await use(1_200n)
    const { grant: added } = await grant(1_000n)
    expect(await status()).toMatchObject({ state: 'ok', allowance: 2_000n, remaining: 800n })
    expect(await said()).toEqual(['exceeded 100'])
    await limits.revoke(id, added.id, 'api_key')
    expect((await status()).state).toBe('exceeded')
    expect(await said()).toEqual(['exceeded 100', 'exceeded 100'])
    await limits.revoke(id, added.id, 'admin:other')
    expect((await limits.grants(page())).items).toMatchObject([{ bytes: 1_000n, revokedBy: 'api_key' }])
  })

  test('of one reference is added once, however many callers send it', async () => {
    await limits.set(id, limitOf(1_000n))
    const all = await Promise.all(Array.from({ length: 5 }, () => grant(500n, 'invoice 7')))
    expect(all.filter(({ isNew }) => isNew)).toHaveLength(1)
    expect((await status()).allowance).toBe(1_500n)
    await expect(grant(501n, 'invoice 7')).rejects.toMatchObject({ code: 'conflict', field: 'reference' })
  })

  test('that would leave less than nothing, or is made where nothing is limited, is refused', async () => {
    await expect(grant(1n)).rejects.toMatchObject({ code: 'conflict' })
    await limits.set(id, limitOf(1_000n))
    await grant(-1_000n)
    await expect(grant(-1n)).rejects.toMatchObject({ code: 'invalid_request', field: 'bytes' })
    await expect(grant(0n)).rejects.toMatchObject({ code: 'invalid_request', field: 'bytes' })
    expect((await status()).state).toBe('exceeded')
  })

  test('belongs to its period: afterwards it can no longer be revoked', async () => {
    await limits.set(id, limitOf(1_000n))
    const { grant: added } = await grant(500n)
    await limits.closePeriod(id, { expected: null, by: 'api_key' })
    expect((await status()).allowance).toBe(1_000n)
    await expect(limits.revoke(id, added.id, 'api_key')).rejects.toMatchObject({ code: 'conflict' })
    await expect(limits.revoke(id, 999_999n, 'api_key')).rejects.toMatchObject({ code: 'not_found' })
  })
})

test('growth that waited for the account is judged by the limit that was set meanwhile', async () => {
  const setting = limits.set(id, limitOf(1_000n))
  const growing = Promise.all(Array.from({ length: 6 }, () => use(1_000n)))
  await Promise.all([setting, growing])
  // At least what came last was counted by the limit, or nothing was.
  const { used: bytes } = await status()
  expect(await said()).toEqual(bytes > 0n ? ['exceeded 100'] : [])
})
