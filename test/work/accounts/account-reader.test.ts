import { setTimeout } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { openDatabase } from '../../../src/store/connection/database.ts'
import { drawAsked } from '../../../src/store/connection/logical-clock.ts'
import { createAccountReader } from '../../../src/work/accounts/account-reader.ts'
import { observeUsers } from '../../../src/work/observing/observe-users.ts'
import { accountOf, admin, useLedger, user } from '../../support/ledger.ts'

const ledger = useLedger()

async function use(username: string, lifetime: bigint): Promise<bigint> {
  const owner = admin(username)
  await observeUsers(ledger.db, await drawAsked(ledger.db), [user(`of_${username}`, lifetime, { owner })])
  return (await accountOf(ledger.db, username)).id
}

test('callers at the same moment share one statement, and each gets its own account', async () => {
  const ada = await use('ada', 1_000n)
  const bob = await use('bob', 2_000n)
  let statements = 0
  const onStatement = () => {
    statements += 1
  }
  const db = openDatabase({ url: ledger.url, onStatement })
  const read = createAccountReader(db)
  const answers = await Promise.all([ada, bob, 999_999n, ada].map(read))
  expect(answers.map((account) => account?.total ?? null)).toEqual([1_000n, 2_000n, null, 1_000n])
  expect(statements).toBe(1)
  await db.destroy()
})

test('a caller never gets an account that was read before it asked', async () => {
  const id = await use('cleo', 1n)
  const read = createAccountReader(ledger.db)
  for (let lifetime = 2n; lifetime < 12n; lifetime += 1n) {
    const earlier = read(id)
    // The statement of the earlier caller is on its way.
    await setTimeout(1)
    await use('cleo', lifetime)
    expect((await read(id))?.total).toBe(lifetime)
    await earlier
  }
})

test('when the database does not answer, all who asked hear of it, and later callers are served again', async () => {
  const id = await use('dora', 5n)
  const db = openDatabase({ url: ledger.url.replace(/:\d+\//, ':1/') })
  const read = createAccountReader(db)
  const failures = await Promise.allSettled([read(id), read(id)])
  expect(failures.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  await db.destroy()
  const served = createAccountReader(ledger.db)
  await expect(served(2n ** 70n)).rejects.toThrow()
  expect((await served(id))?.total).toBe(5n)
})
