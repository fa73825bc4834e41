import { type CompiledQuery, sql } from 'kysely'
import { beforeAll, describe, expect, test } from 'vitest'
import { openDatabase, type Tx } from '../../../src/store/connection/database.ts'
import {
  carryOut,
  prepared,
  sendLater,
  sendTogether,
  statement,
} from '../../../src/store/connection/together.ts'
import { rehearse, transact } from '../../../src/store/connection/transact.ts'
import { useLedger } from '../../support/ledger.ts'
import { roundTripsOf } from '../../support/round-trips.ts'

describe('a transaction', () => {
  const ledger = useLedger()
  beforeAll(() => sql`create table kept (value integer check (value > 0))`.execute(ledger.db))

  const insert = (value: unknown) =>
    prepared(statement<{ value: number }>(sql`insert into kept values (${value}::integer) returning value`))
  const keep = (tx: Tx, value: unknown) => sendLater(tx, insert(value))
  const kept = async () => {
    const { rows } = await sql<{ value: number }>`select value from kept order by value`.execute(ledger.db)
    return rows.map(({ value }) => value)
  }

  test('of statements that are sent together by themselves is all of them or none', async () => {
    const count = statement<{ rows: bigint }>(sql`select count(*) as rows from kept`)
    const trips = await roundTripsOf(async () => {
      const [, [counted]] = await sendTogether(ledger.db, [insert(20), count])
      expect(counted).toEqual({ rows: 1n })
    })
    expect(trips).toBe(1)
    await expect(sendTogether(ledger.db, [insert(21), insert(-1)])).rejects.toMatchObject({ code: '23514' })
    expect(await kept()).toEqual([20])
    await sql`delete from kept`.execute(ledger.db)
  })

  test('sends BEGIN, statements that nobody waits for, and the next one in one round trip', async () => {
    const trips = await roundTripsOf(() =>
      transact(ledger.db, async (tx) => {
        await keep(tx, 1)
        const [again, sum] = await sendTogether(tx, [
          insert(2),
          statement<{ sum: bigint }>(sql`select sum(value) as sum from kept`),
        ])
        expect([again, sum]).toEqual([[{ value: 2 }], [{ sum: 3n }]])
      }),
    )
    expect(trips).toBe(2)
    expect(await kept()).toEqual([1, 2])
  })

  test('sends what is left with COMMIT, and knows then what came of it', async () => {
    const trips = await roundTripsOf(async () => {
      const later = await transact(ledger.db, async (tx) => {
        const third = await keep(tx, 3)
        expect(() => third.result()).toThrow('not sent yet')
        return third
      })
      expect(later.result()).toEqual([{ value: 3 }])
    })
    expect(trips).toBe(1)
    expect(await kept()).toEqual([1, 2, 3])
  })

  test('stores nothing when a statement that nobody waits for fails, and says why', async () => {
    const failing = (then: (tx: Tx) => Promise<unknown>) =>
      transact(ledger.db, async (tx) => {
        await keep(tx, 4)
        await keep(tx, -1)
        await keep(tx, 5)
        return then(tx)
      })
    await expect(failing(async () => {})).rejects.toMatchObject({ code: '23514' })
    await expect(failing((tx) => carryOut(tx, insert(6)))).rejects.toMatchObject({ code: '23514' })
    expect(await kept()).toEqual([1, 2, 3])
    // Its connections, and the statements that they have prepared, serve again.
    await transact(ledger.db, (tx) => carryOut(tx, insert(4)))
    expect(await kept()).toEqual([1, 2, 3, 4])
  })

  test('stores nothing when a value cannot be sent, and the next one has another connection', async () => {
    const circle: { self?: unknown } = {}
    circle.self = circle
    const sending = transact(ledger.db, async (tx) => {
      await keep(tx, 5)
      await keep(tx, circle)
      await keep(tx, 6)
    })
    await expect(sending).rejects.toMatchObject({ code: 'database_unavailable' })
    expect(await kept()).toEqual([1, 2, 3, 4])
  })

  test('that is undone sends nothing of what is left', async () => {
    await rehearse(ledger.db, (tx) => keep(tx, 7))
    await expect(
      transact(ledger.db, async (tx) => {
        await carryOut(tx, insert(8))
        await keep(tx, 9)
        throw new Error('undo it')
      }),
    ).rejects.toThrow('undo it')
    expect(await kept()).toEqual([1, 2, 3, 4])
  })

  test('that fails while it waits is run again from the start', async () => {
    await sql`create table once (value integer primary key)`.execute(ledger.db)
    let runs = 0
    await transact(ledger.db, async (tx) => {
      runs += 1
      const value = runs
      if (runs === 1) await sql`insert into once values (1)`.execute(ledger.db)
      await sendLater(tx, statement(sql`insert into once values (${value}::integer)`))
    })
    expect(runs).toBe(2)
  })

  test('lets an observer see each of its statements', async () => {
    const seen: CompiledQuery[] = []
    const db = openDatabase({ url: ledger.url, onStatement: (query) => void seen.push(query) })
    await transact(db, async (tx) => {
      await keep(tx, 10)
      await sendTogether(tx, [insert(11), insert(12)])
    })
    expect(seen.map(({ parameters }) => parameters)).toEqual([[], [10], [11], [12], []])
    await db.destroy()
  })
})
