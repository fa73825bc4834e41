import { sql } from 'kysely'
import { expect, inject, test } from 'vitest'
import { createConnectionQueue } from '../../../src/store/connection/connection-queue.ts'
import { openDatabase } from '../../../src/store/connection/database.ts'
import { useLedger } from '../../support/ledger.ts'

const ledger = useLedger()

async function settingsOf(url: string): Promise<Record<string, string>> {
  const db = openDatabase({ url, connections: createConnectionQueue(1) })
  try {
    const { rows } = await sql<Record<string, string>>`
      select current_setting('synchronous_commit') as commit, current_setting('timezone') as zone,
        current_setting('work_mem') as work_mem`.execute(db)
    return rows[0] ?? {}
  } finally {
    await db.destroy()
  }
}

test('waits for commits to be on the disk, on a server too that does not by itself', async () => {
  const { url } = inject('postgres')
  expect(await settingsOf(url)).toMatchObject({ commit: 'on', zone: 'UTC' })
})

test('does so whatever options its address brings along, and takes those as well', async () => {
  const url = new URL(inject('postgres').url)
  url.searchParams.set('options', '-c work_mem=1MB -c synchronous_commit=off')
  expect(await settingsOf(url.href)).toEqual({ commit: 'on', zone: 'UTC', work_mem: '1MB' })
})

test('lets wait whoever comes while all connections are in use, and shows it', async () => {
  const connections = createConnectionQueue(2)
  const db = openDatabase({ url: ledger.url, connections })
  const held = Promise.withResolvers<void>()
  const holding = [1, 2].map(() => db.transaction().execute(() => held.promise))
  const waiting = Array.from({ length: 20 }, () => sql`select 1`.execute(db))
  await expect.poll(() => connections.longestWaitMs()).toBeGreaterThan(0)
  held.resolve()
  await Promise.all([...holding, ...waiting])
  expect(connections.longestWaitMs()).toBe(0)
  await db.destroy()
})

test('gives every connection back, whatever became of it', async () => {
  const db = openDatabase({ url: ledger.url, connections: createConnectionQueue(1) })
  await expect(sql`select 1 / 0`.execute(db)).rejects.toThrow('division by zero')
  expect((await sql`select 1 as one`.execute(db)).rows).toEqual([{ one: 1 }])
  await db.destroy()
  const nowhere = openDatabase({
    url: 'postgres://nobody@127.0.0.1:9/nothing',
    connections: createConnectionQueue(1),
  })
  const attempts = Array.from({ length: 3 }, () => sql`select 1`.execute(nowhere))
  for (const result of await Promise.allSettled(attempts)) {
    expect(result).toMatchObject({ reason: { code: 'database_unavailable', retryAfter: 5 } })
  }
  await nowhere.destroy()
})

test('uses no connection again that has failed', async () => {
  const db = openDatabase({ url: ledger.url, connections: createConnectionQueue(1) })
  await expect(sql`select pg_terminate_backend(pg_backend_pid())`.execute(db)).rejects.toMatchObject({
    code: 'database_unavailable',
  })
  expect((await sql`select 1 as one`.execute(db)).rows).toEqual([{ one: 1 }])
  await db.destroy()
})
