import { expect, test } from 'vitest'
import { openDatabase } from '../../../src/store/connection/database.ts'
import { drawAsked } from '../../../src/store/connection/logical-clock.ts'
import { createLimits } from '../../../src/work/limits/limits.ts'
import { observeUsers } from '../../../src/work/observing/observe-users.ts'
import { accountOf, admin, useLedger, user } from '../../support/ledger.ts'
import { closeOpening, limitOf } from '../../support/limits.ts'

const ledger = useLedger()

test('judging adds no statement to an observation that comes to no total at which there is something to judge', async () => {
  let statements = 0
  const onStatement = () => {
    statements += 1
  }
  const db = openDatabase({ url: ledger.url, onStatement })
  const observe = async (lifetime: bigint): Promise<number> => {
    const asked = await drawAsked(db)
    statements = 0
    await observeUsers(db, asked, [user('anna', lifetime, { owner: admin('ada') })])
    return statements
  }
  await observe(100n)
  const { id } = await accountOf(db, 'ada')
  await closeOpening(db, id)
  const without = await observe(200n)
  await createLimits({ db }).set(id, limitOf(1_000n, { warnAt: [50], onExceed: 'disable_users' }))
  expect(await observe(300n)).toBe(without)
  expect(await observe(1_200n)).toBeGreaterThan(without)
  await db.destroy()
})
