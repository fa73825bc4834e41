import { onTestFinished } from 'vitest'
import { type Database, openDatabase } from '../../src/store/connection/database.ts'
import { empty } from './contents.ts'
import { createTestDatabase } from './database.ts'

/** A database without anything in it, on the server of the test run, until the test has finished. */
export async function emptyDatabase(): Promise<{ url: string; db: Database }> {
  const database = await createTestDatabase()
  const db = openDatabase({ url: database.url })
  onTestFinished(async () => {
    await db.destroy()
    await database.drop()
  })
  await empty(db)
  return { url: database.url, db }
}
