import fc from 'fast-check'
import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import { createTenureSet } from '../../../src/store/tenures/tenure-set.ts'
import { useLedger } from '../../support/ledger.ts'

const ledger = useLedger()

describe('a set of tenures', () => {
  test('has the ids that were added, as PostgreSQL reads its bits, and no others', async () => {
    const id = fc.oneof(fc.bigInt({ min: 1n, max: 200n }), fc.bigInt({ min: 20_000n, max: 30_000n }))
    await fc.assert(
      fc.asyncProperty(fc.array(id, { maxLength: 60 }), async (ids) => {
        const set = createTenureSet()
        for (const one of ids) expect(set.add(one)).toBe(true)
        const { first, last, bits } = set.toBits()
        const { rows } = await sql<{ id: bigint }>`
          select id from generate_series(${first}::bigint, ${last}::bigint) as id
          where get_bit(${bits}::bytea, id - ${first}) = 1 order by id`.execute(ledger.db)
        expect(rows.map((row) => row.id)).toEqual([...new Set(ids)].toSorted((a, b) => (a < b ? -1 : 1)))
      }),
      { numRuns: 40 },
    )
  })

  test('takes at most 256 KiB for a million ids in their order, and at most 16 MiB for any', () => {
    const set = createTenureSet()
    for (let id = 5_000_000n; id < 6_000_000n; id += 1n) set.add(id)
    expect(set.toBits().bits.length).toBeLessThanOrEqual(256 * 1_024)
    expect(set.add(5_000_000n + 2n ** 27n)).toBe(false)
    expect(set.add(1n)).toBe(true)
    expect(set.toBits().bits.length).toBeLessThanOrEqual(16 * 1_024 * 1_024)
    expect(set.add(2n ** 62n)).toBe(false)
  })
})
