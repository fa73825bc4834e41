import { PgBoss } from 'pg-boss'
import { afterAll, expect, test } from 'vitest'
import { startTurningLimits } from '../../src/jobs/limits.ts'
import { createLimits } from '../../src/work/limits/limits.ts'
import { useLedger } from '../support/ledger.ts'
import { announced, closeOpening, createAccount, daily, grow, limitOf, passDays } from '../support/limits.ts'

const ledger = useLedger()
const stopping = new AbortController()
const bosses: PgBoss[] = []

afterAll(async () => {
  stopping.abort()
  await Promise.all(bosses.map((boss) => boss.stop({ graceful: false })))
})

test('two replicas together close each missed period once', async () => {
  const limits = createLimits(ledger)
  const ids: bigint[] = []
  for (let index = 0; index < 20; index += 1) {
    const id = await createAccount(ledger.db, `ada${index}`)
    await closeOpening(ledger.db, id)
    await limits.set(id, limitOf(1_000n, { period: daily, carryOver: 'debt' }))
    await grow(ledger.db, id, 2_500n)
    await passDays(ledger.db, id, 2)
    ids.push(id)
  }
  const failures: unknown[] = []
  const context = {
    stopping: stopping.signal,
    onSuccess: () => {},
    onFailure: (_: unknown, error: unknown) => void failures.push(error),
  }
  for (let replica = 0; replica < 2; replica += 1) {
    const boss = new PgBoss({ connectionString: ledger.url, max: 3 })
    boss.on('error', () => {})
    await boss.start()
    bosses.push(boss)
    await startTurningLimits(boss, { db: ledger.db }, context)
  }
  const open = async () => {
    const rows = await ledger.db
      .selectFrom('limit_periods')
      .select('id')
      .where('closed_at', 'is not', null)
      .execute()
    return rows.length
  }
  await expect.poll(open, { timeout: 20_000 }).toBe(40)
  for (const id of ids) {
    expect((await limits.periods({ adminId: id, before: null, limit: 10 })).items).toHaveLength(3)
    // 1,500 are owed after the first day, 500 after the second.
    expect((await limits.read(id)).status).toMatchObject({ state: 'ok', allowance: 500n, used: 0n })
    expect(await announced(ledger.db, id)).toEqual(['exceeded 100'])
  }
  expect(failures).toEqual([])
})
