import { defineConfig } from 'vitest/config'
import { keepOutput } from './test/support/leaks.ts'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/postgres.ts'],
    pool: 'forks',
    // Much of it is waiting: for what is killed to be missed, for polls that are due.
    maxWorkers: 3,
    // Real processes on a busy machine; nothing that works takes this long.
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // What tests print is looked through for secrets too.
    onConsoleLog: keepOutput,
  },
})
