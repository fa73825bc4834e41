import { sql } from 'kysely'
import { fromKysely, PgBoss } from 'pg-boss'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { keepHandingOn } from '../../src/jobs/outbox.ts'
import { writeOutbox } from '../../src/store/outbox/outbox.ts'
import { createOutboxListener } from '../../src/store/outbox/outbox-listener.ts'
import { requestObservation } from '../../src/work/observing/request-observation.ts'
import { handOnAll } from '../../src/work/outbox/hand-on.ts'
import { useLedger } from '../support/ledger.ts'

const anHour = 3_600_000
const ledger = useLedger()
let boss: PgBoss
let stopping: AbortController
let running: Promise<void>[]
let errors: Error[]

beforeAll(async () => {
  boss = new PgBoss({ connectionString: ledger.url, max: 2, supervise: false, schedule: false })
  boss.on('error', () => {})
  await boss.start()
  await boss.createQueue('observations')
})
afterAll(() => boss.stop({ graceful: false }))
beforeEach(async () => {
  await boss.deleteAllJobs('observations')
  await ledger.db.deleteFrom('outbox').execute()
  stopping = new AbortController()
  running = []
  errors = []
})
afterEach(async () => {
  stopping.abort()
  await Promise.all(running)
  expect(await sessions()).toBe(0)
})

/** A replica that looks by itself every `pauseMs`. */
function startReplica(pauseMs: number): void {
  const listenTo = (onWritten: () => void) => createOutboxListener(ledger.url, onWritten)
  const options = { signal: stopping.signal, onError: (error: Error) => void errors.push(error) }
  running.push(keepHandingOn(boss, { db: ledger.db, listenTo, pauseMs }, options))
}

/** How many replicas listen. */
async function sessions(): Promise<number> {
  const { rows } = await sql<{ pid: number }>`
    select pid from pg_stat_activity
    where datname = current_database() and application_name = 'marzban-ledger-outbox' and query like 'listen%'
      and state = 'idle'`.execute(ledger.db)
  return rows.length
}

/** The names in each job of the queue, sorted. */
async function jobs(): Promise<string[]> {
  const { rows } = await sql<{ usernames: string[] }>`
    select array(select jsonb_array_elements_text(data -> 'usernames')) as usernames
    from pgboss.job where name = 'observations'`.execute(ledger.db)
  return rows.map(({ usernames }) => usernames.join(' ')).sort()
}

async function left(): Promise<number> {
  return (await ledger.db.selectFrom('outbox').select('id').execute()).length
}

const write = (name: string) => requestObservation(ledger.db, [name, 'bob', name])

test('what is written leaves at once, however seldom a replica looks by itself', async () => {
  startReplica(anHour)
  startReplica(anHour)
  await expect.poll(sessions, { timeout: 10_000 }).toBe(2)
  for (const name of ['alice', 'carl']) {
    await write(name)
    await expect.poll(jobs, { timeout: 5_000, interval: 20 }).toContain(`${name} bob`)
  }
  expect(await left()).toBe(0)
  expect(errors).toEqual([])
})

test('what a replica left behind that died after its commit goes out with the next one', async () => {
  await write('alice')
  expect([await left(), await jobs()]).toEqual([1, []])
  startReplica(anHour)
  await expect.poll(jobs, { timeout: 5_000 }).toEqual(['alice bob'])
  expect(await left()).toBe(0)
})

test('a replica that dies while it hands on has handed nothing on, and another one does', async () => {
  await write('alice')
  const dying = handOnAll(
    ledger.db,
    async (tx) => {
      await boss.send('observations', { usernames: ['half'] }, { db: fromKysely(tx) })
      throw new Error('killed')
    },
    stopping.signal,
  )
  await expect(dying).rejects.toThrow('killed')
  expect([await left(), await jobs()]).toEqual([1, []])
  startReplica(anHour)
  await expect.poll(jobs, { timeout: 5_000 }).toEqual(['alice bob'])
})

test('replicas hand nothing on twice', async () => {
  const names = Array.from({ length: 250 }, (_, index) => `user${index}`)
  for (const name of names) await write(name)
  for (let replica = 0; replica < 3; replica += 1) startReplica(anHour)
  await expect.poll(left, { timeout: 20_000 }).toBe(0)
  expect(await jobs()).toEqual(names.map((name) => `${name} bob`).sort())
})

test('a replica that hears nothing any more looks by itself, and listens again', async () => {
  startReplica(300)
  await expect.poll(sessions, { timeout: 10_000 }).toBe(1)
  await sql`
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and application_name = 'marzban-ledger-outbox'`.execute(ledger.db)
  await write('alice')
  await expect.poll(jobs, { timeout: 5_000 }).toEqual(['alice bob'])
  await expect.poll(sessions, { timeout: 5_000 }).toBe(1)
})

test('what a transaction wrote that was rolled back never leaves', async () => {
  startReplica(100)
  const undone = ledger.db.transaction().execute(async (tx) => {
    await writeOutbox(tx, { kind: 'observation', usernames: ['alice'] })
    throw new Error('undone')
  })
  await expect(undone).rejects.toThrow('undone')
  await write('carl')
  await expect.poll(jobs, { timeout: 5_000 }).toEqual(['carl bob'])
})

test('an entry of a kind that only a later version knows is left to that version', async () => {
  await sql`insert into outbox (kind, payload) values ('of a later version', '{}')`.execute(ledger.db)
  await write('alice')
  startReplica(anHour)
  await expect.poll(jobs, { timeout: 5_000 }).toEqual(['alice bob'])
  expect(await left()).toBe(1)
  expect(errors).toEqual([])
})
