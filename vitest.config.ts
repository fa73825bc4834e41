import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/postgres.ts'],
    pool: 'forks',
    maxWorkers: 2,
    // Real processes on a busy machine; nothing that works takes this long.
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
})
