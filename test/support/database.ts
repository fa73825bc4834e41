import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'

/** A database of one test file's own. */
export type TestDatabase = {
  /** `postgres://` with the password. */
  url: string
  /** Removes it, cutting sessions still open. */
  drop(): Promise<void>
}

/** Makes a database with the newest schema and no rows, copied from the template that the test run made. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const { url: base, template } = inject('postgres')
  const name = `test_${randomBytes(8).toString('hex')}`
  await administer(base, `create database ${name} template ${template} strategy file_copy`)
  const url = new URL(base)
  url.pathname = `/${name}`
  return { url: url.href, drop: () => administer(base, `drop database if exists ${name} with (force)`) }
}

async function administer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
