import { defineConfig } from 'vitest/config'
import { keepOutput } from './test/support/leaks.ts'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/postgres.ts'],
    pool: 'forks',
    maxWorkers: 2,
    // Modules are loaded once for each worker. Files share nothing else: each has its own database and its own services.
    isolate: false,
    // Real processes on a busy machine; nothing that works takes this long.
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // What tests print is looked through for secrets too.
    onConsoleLog: keepOutput,
  },
})
