import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Tenure, TenureChange } from '../../../src/ledger/tenure.ts'
import { carryOut } from '../../../src/store/connection/together.ts'
import { transact } from '../../../src/store/connection/transact.ts'
import { saveTenures } from '../../../src/store/tenures/tenure-changes.ts'
import { lockingTenures, type StoredTenure } from '../../../src/store/tenures/tenures.ts'
import { useLedger } from '../../support/ledger.ts'

const ledger = useLedger()
const createdAt = '2026-01-01 10:00:00.000001'
const bytes = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n })
const two = <T>(...values: T[]) => fc.constantFrom(...values)

/** What one reading leaves of a user: few values of each kind, so that often one of them alone is another. */
const state: fc.Arbitrary<Partial<Tenure>> = fc.record({
  reading: fc.oneof(two(1n, 2n), bytes),
  counted: fc.oneof(two(1n, 2n), bytes),
  status: two('active', 'limited'),
  dataLimit: two(null, 5n),
  expire: two(null, 7n),
  resetPending: fc.boolean(),
  formerCreatedAt: two(null, '2025-12-31 00:00:00.000000'),
  fall: two(null, { from: 9n, to: 3n }, { from: 9n, to: 4n }),
  endedBy: fc.oneof({ weight: 8, arbitrary: two(null) }, { weight: 1, arbitrary: two('panel', 'service') }),
}) as fc.Arbitrary<Partial<Tenure>>

test('whatever readings change of the users of a page is stored, and nothing else', async () => {
  let page = 0
  const ofPage = fc.array(state, { minLength: 3, maxLength: 3 })
  await fc.assert(
    fc.asyncProperty(
      fc.array(ofPage, { minLength: 2, maxLength: 5 }),
      fc.boolean(),
      async (steps, isMixed) => {
        page += 1
        const keys = [0, 1, 2].map((index) => ({ username: `user_${page}_${index}`, createdAt }))
        let stored: (StoredTenure | null)[] = [null, null, null]
        for (const [step, states] of steps.entries()) {
          const tick = BigInt(step + 1)
          const changes = states.map((changed, index): TenureChange<StoredTenure> => {
            const key = keys[index] ?? keys[0]
            if (!key) throw new Error('no user')
            // Readings of one answer share their tick and their time, unless several answers are stored at once.
            const seenAt = Date.UTC(2026, 0, step + 1, isMixed ? index : 0)
            const after = { ...first, ...key, ...changed, answered: tick, seenAt }
            return { before: stored[index] ?? null, after }
          })
          await transact(ledger.db, (tx) => saveTenures(tx, changes, { tick }, new Date(0)))
          const rows = await transact(ledger.db, (tx) => carryOut(tx, lockingTenures(keys)))
          stored = keys.map(({ username }) => rows.find((row) => row.username === username) ?? null)
          expect(stored).toEqual(
            changes.map(({ after }) => ({ ...after, ...fresh(stored, after), asked: tick })),
          )
        }
      },
    ),
    { numRuns: 60 },
  )
})

const first: Tenure = {
  username: '',
  createdAt,
  adminId: null,
  status: 'active',
  dataLimit: null,
  expire: null,
  reading: 0n,
  counted: 0n,
  answered: 0n,
  endedBy: null,
  resetPending: false,
  formerCreatedAt: null,
  seenAt: null,
  fall: null,
}

/** The id is the database's; a tenure begins without a fall, and without a reset. */
function fresh(stored: readonly (StoredTenure | null)[], { username }: Tenure): Partial<StoredTenure> {
  const row = stored.find((tenure) => tenure?.username === username)
  if (!row) throw new Error(`${username} is not stored`)
  return row.asked === 1n ? { id: row.id, fall: null, resetPending: false } : { id: row.id }
}
