import { inject } from 'vitest'
import { copyTemplate, type TestDatabase } from './server.ts'

export type { TestDatabase } from './server.ts'

/** Makes a database for one test file, on the server of the test run. */
export function createTestDatabase(): Promise<TestDatabase> {
  return copyTemplate(inject('postgres'))
}
