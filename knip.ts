import type { KnipConfig } from 'knip'

/**
 * What `npm run unused` refuses: files, exports and packages that nothing uses. With `--production` the tests do not count as use:
 * then it refuses what only they call.
 */
const config: KnipConfig = ({ production }) => ({
  entry: [
    'src/main.ts!',
    'db/migrations/*.ts!',
    'scripts/{arrows,backup,build,deletions,keys,limit,openapi,restore}.ts!',
    // Tests and benches start these as processes, or load them into one.
    'test/**/*-process.ts',
    'test/*/main.ts',
    'test/ledger/shortfall.ts',
    'test/postgres/service.ts',
    'test/sim/mutate.ts',
    'test/support/{shifted-clock,sweeper}.ts',
  ],
  project: ['{src,db,scripts}/**/*.ts!', 'test/**/*.ts'],
  // A type may be exported because its name explains a function; what is exported for a test alone is used in its own file.
  ignoreExportsUsedInFile: production === true || { interface: true, type: true },
  // The test of generated clients runs these, or imports them in the text of a program.
  ignoreDependencies: [
    '@hey-api/openapi-ts',
    '@oazapfts/runtime',
    'marzban-sdk',
    'oazapfts',
    'openapi-fetch',
    'orval',
    'swagger-typescript-api',
  ],
  // Linux has it; the chaos run mounts a small disk with it.
  ignoreBinaries: ['unshare'],
})

export default config
