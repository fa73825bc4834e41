import { readFileSync } from 'node:fs'
import path from 'node:path'
import { type CompiledQuery, sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openDatabase, type Tx } from '../../../src/store/connection/database.ts'
import { drawAsked } from '../../../src/store/connection/logical-clock.ts'
import {
  carryOut,
  prepared,
  sendLater,
  sendTogether,
  statement,
} from '../../../src/store/connection/together.ts'
import { rehearse, transact } from '../../../src/store/connection/transact.ts'
import { observePage } from '../../../src/work/observing/observe-page.ts'
import { observeUsers } from '../../../src/work/observing/observe-users.ts'
import { createScanSights } from '../../../src/work/observing/scan-sights.ts'
import { startTestService, type TestService, withKey } from '../../http/service.ts'
import { admin, useLedger, user } from '../../support/ledger.ts'
import { roundTripsOf } from '../../support/round-trips.ts'

describe('what PostgreSQL is asked, in round trips as docs/reliability.md has them:', () => {
  const text = readFileSync(path.join(import.meta.dirname, '../../../docs/reliability.md'), 'utf8')
  const [, section = ''] = text.split('\n## Round trips\n')
  const [table = ''] = section.split('\n## ')
  const documented = new Map(
    [...table.matchAll(/^\| (.*?) \| (\d+) \|/gm)].map(([, what = '', trips]) => [what, Number(trips)]),
  )
  let service: TestService

  beforeAll(async () => {
    service = await startTestService({ admins: [{ username: 'ada' }, { username: 'bob' }] })
    await service.poll()
    // The session that says that this service lives is opened once.
    await call('DELETE', `/users/${await newUser('first')}`, withKey)
  })
  afterAll(() => service.close())

  const call = async (method: 'GET' | 'DELETE', url: string, headers: Record<string, string>) => {
    const answer = await service.app.inject({ method, url, headers })
    expect(answer.statusCode, answer.body).toBe(200)
  }

  /** A user that the ledger knows, and that has another status and a higher counter since. */
  const newUser = async (username: string) => {
    const { state } = service.panel
    const created = state.createUser(username, { admin: 'ada', lifetime: 10n })
    await service.scan()
    created.status = 'limited'
    state.accrue(username, 5n)
    return username
  }

  const pageOf = (lifetime: bigint) => {
    const owner = admin('ada')
    return Array.from({ length: 100 }, (_, index) => user(`seen_${index}`, lifetime, { owner }))
  }
  const observe = async (lifetime: bigint) =>
    observeUsers(service.db, await drawAsked(service.db), pageOf(lifetime))

  const operations: Record<string, () => Promise<() => Promise<unknown>>> = {
    'Stats of an account': async () => {
      const id = await service.idOf('ada')
      return () => call('GET', `/admins/${id}/stats`, withKey)
    },
    'A page of 100 users, all never seen before': async () => () => observe(1n),
    'A page of 100 users, all with new traffic': async () => () => observe(2n),
    'A page of 100 users, nothing new': async () => () => observe(2n),
    'A page of a scan, nothing new since a complete one': async () => {
      const id = await service.idOf('ada')
      const begun = await drawAsked(service.db)
      const sights = createScanSights(service.db, { adminId: id, username: 'ada' }, begun)
      return async () => {
        const asked = await drawAsked(service.db)
        const news = await sights.newsOf(pageOf(2n), asked)
        expect(news).toEqual([])
        await observePage(service.db, asked, news)
      }
    },
    'Deletion of a user': async () => {
      const username = await newUser('by_key')
      return () => call('DELETE', `/users/${username}`, withKey)
    },
    'Deletion of a user by its admin, whose token is new': async () => {
      const username = await newUser('by_admin')
      return () => call('DELETE', `/users/${username}`, service.as('ada'))
    },
    'Deletion of a user through the front, whose token is new': async () => {
      const username = await newUser('through_the_front')
      service.forgetTokens()
      return () => call('DELETE', `/api/user/${username}`, service.as('ada'))
    },
  }

  test('the table has these rows', () => {
    expect([...documented.keys()]).toEqual(Object.keys(operations))
  })

  test.each(Object.entries(operations))('%s', async (what, prepare) => {
    const work = await prepare()
    expect(await roundTripsOf(work)).toBe(documented.get(what))
  })
})

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
