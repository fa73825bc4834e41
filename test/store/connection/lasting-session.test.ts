import { sql } from 'kysely'
import { afterEach, expect, onTestFinished, test } from 'vitest'
import { openWorkerSession } from '../../../src/store/connection/worker-session.ts'
import { useLedger } from '../../support/ledger.ts'
import { until } from '../../support/until.ts'

const ledger = useLedger()
const sessionsNow = async (): Promise<bigint | undefined> => {
  const { rows } = await sql<{ sessions: bigint }>`
    select count(*) as sessions from pg_catalog.pg_stat_activity
    where datname = current_database() and application_name like 'marzban-ledger-%'
      and application_name <> 'marzban-ledger-probe'`.execute(ledger.db)
  return rows[0]?.sessions
}

afterEach(() => until('no session is left', async () => (await sessionsNow()) === 0n, 5_000))

/** The address of the ledger, for sessions whose first question has no answer. */
async function unanswering(): Promise<string> {
  await sql`create view public.pg_stat_activity as select 1 as nothing`.execute(ledger.db)
  onTestFinished(async () => {
    await sql`drop view public.pg_stat_activity`.execute(ledger.db)
  })
  const url = new URL(ledger.url)
  url.searchParams.set('options', '-c search_path=public,pg_catalog')
  return url.href
}

test('a session whose first question fails is ended', async () => {
  const worker = openWorkerSession(await unanswering())
  for (let times = 0; times < 3; times += 1) {
    await expect(worker.id()).rejects.toMatchObject({
      code: 'database_unavailable',
      cause: { message: expect.stringContaining('pid') },
    })
  }
  await until('no session is left', async () => (await sessionsNow()) === 0n, 5_000)
  await worker.close()
})

test('a session that was ended is replaced, and callers at the same moment share one', async () => {
  const worker = openWorkerSession(ledger.url)
  const ids = await Promise.all([worker.id(), worker.id()])
  expect(new Set(ids).size).toBe(1)
  await sql`select pg_terminate_backend(${Number(ids[0].split(' ')[0])}::int)`.execute(ledger.db)
  await until('it is replaced', async () => (await worker.id()) !== ids[0], 5_000)
  expect(await sessionsNow()).toBe(1n)
  await worker.close()
})
