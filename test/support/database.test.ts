import pg from 'pg'
import { expect, test } from 'vitest'
import { createTestDatabase } from './database.ts'

test('gives each caller a migrated database of its own', async () => {
  const databases = await Promise.all([createTestDatabase(), createTestDatabase()])
  const [first, second] = databases.map(({ url }) => new pg.Client({ connectionString: url }))
  await first?.connect()
  await second?.connect()
  await first?.query('create table only_here ()')
  const tables = (
    await second?.query(
      `select to_regclass('cumulative_traffic') as migrated, to_regclass('only_here') as leaked`,
    )
  )?.rows
  expect(tables).toEqual([{ migrated: 'cumulative_traffic', leaked: null }])
  await Promise.all([first?.end(), second?.end()])
  await Promise.all(databases.map((database) => database.drop()))
})
