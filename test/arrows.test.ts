import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { checkArrows } from '../scripts/arrows.ts'

/** A repository that keeps every rule: each file by its imports. */
const sound: Record<string, string[]> = {
  'src/main.ts': ['./config.ts', './service.ts'],
  'src/config.ts': ['./errors.ts'],
  'src/errors.ts': [],
  'src/service.ts': ['./assemble.ts'],
  'src/assemble.ts': ['./app.ts', './jobs/poll.ts', './panel/marzban/client.ts'],
  'src/app.ts': ['./http/routes/stats.ts'],
  'src/http/routes/stats.ts': ['../../work/accounts/stats.ts', '../../errors.ts'],
  'src/jobs/poll.ts': ['../work/accounts/stats.ts'],
  'src/work/accounts/stats.ts': [
    '../../store/accounts/accounts.ts',
    '../../panel/panel.ts',
    '../../ledger/account.ts',
  ],
  'src/store/accounts/accounts.ts': ['../../ledger/account.ts', 'kysely'],
  'src/panel/panel.ts': ['../errors.ts'],
  'src/panel/transport/address.ts': ['../../errors.ts'],
  'src/panel/marzban/client.ts': ['../../errors.ts', '../transport/address.ts', 'node:http'],
  'src/ledger/account.ts': ['./counter.ts'],
  'src/ledger/counter.ts': [],
  'db/migrations/0001-ledger.ts': ['kysely'],
  'test/stats.test.ts': ['../src/work/accounts/stats.ts', 'vitest'],
  'scripts/openapi.ts': ['../src/app.ts'],
}

/** Writes {@link sound} with some files replaced or added, checks it, and returns the violations, a line each. */
async function violationsOf(changes: Record<string, string[]>): Promise<string[]> {
  const directory = await mkdtemp(path.join(tmpdir(), 'arrows-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  const write = async (file: string, content: string) => {
    await mkdir(path.dirname(path.join(directory, file)), { recursive: true })
    await writeFile(path.join(directory, file), content)
  }
  await write(
    'package.json',
    JSON.stringify({ dependencies: { kysely: '1' }, devDependencies: { vitest: '1' } }),
  )
  for (const name of ['kysely', 'vitest', 'undeclared']) {
    await write(`node_modules/${name}/package.json`, JSON.stringify({ name, exports: './index.js' }))
    await write(`node_modules/${name}/index.js`, '')
  }
  for (const [file, imports] of Object.entries({ ...sound, ...changes })) {
    // Type imports count as much as others; every second one is one.
    const lines = imports.map(
      (name, index) => `import ${index % 2 ? 'type ' : ''}* as x${index} from '${name}'`,
    )
    await write(file, [...lines, `export const used = [${lines.map((_, index) => index)}]`].join('\n'))
  }
  const { output, violations } = await checkArrows(directory)
  const lines = output.split('\n').filter((line) => line.includes('error ') && line.includes(': '))
  expect(lines).toHaveLength(violations)
  return lines.map((line) => line.replace(/^\s*error /, '').trim())
}

test('a repository that keeps to the arrows passes', async () => {
  expect(await violationsOf({})).toEqual([])
})

test.each([
  [
    'app past http',
    { 'src/app.ts': ['./http/routes/stats.ts', './store/accounts/accounts.ts'] },
    'app may import of src only',
  ],
  [
    'service past assemble',
    { 'src/service.ts': ['./assemble.ts', './app.ts'] },
    'service may import of src only',
  ],
  [
    'http past work',
    { 'src/http/routes/stats.ts': ['../../work/accounts/stats.ts', '../../store/accounts/accounts.ts'] },
    'http may import of src only',
  ],
  [
    'jobs past work',
    { 'src/jobs/poll.ts': ['../work/accounts/stats.ts', '../panel/marzban/client.ts'] },
    'jobs may import of src only',
  ],
  [
    'store to panel',
    { 'src/store/accounts/accounts.ts': ['kysely', '../../panel/marzban/client.ts'] },
    'store may import of src only',
  ],
  [
    'work to a kind of panel',
    { 'src/work/accounts/stats.ts': ['../../ledger/account.ts', '../../panel/marzban/client.ts'] },
    'only assemble may import panel/marzban',
  ],
  [
    'work past the port',
    { 'src/work/accounts/stats.ts': ['../../ledger/account.ts', '../../panel/transport/address.ts'] },
    'work may import of panel only the port',
  ],
  [
    'the transport to a kind of panel',
    { 'src/panel/transport/address.ts': ['../marzban/texts.ts'], 'src/panel/marzban/texts.ts': [] },
    'only assemble may import panel/marzban',
  ],
  [
    'http to the port',
    { 'src/http/routes/stats.ts': ['../../work/accounts/stats.ts', '../../panel/panel.ts'] },
    'http may import of src only',
  ],
  [
    'panel to store',
    { 'src/panel/marzban/client.ts': ['../../store/accounts/accounts.ts'] },
    'panel may import of src only',
  ],
  ['ledger to errors', { 'src/ledger/counter.ts': ['../errors.ts'] }, 'ledger may import of src only'],
  ['ledger to a package', { 'src/ledger/counter.ts': ['kysely'] }, 'ledger imports nothing'],
  ['ledger to Node', { 'src/ledger/counter.ts': ['node:crypto'] }, 'ledger imports nothing'],
  [
    'work to config',
    { 'src/work/accounts/stats.ts': ['../../ledger/account.ts', '../../config.ts'] },
    'work may import of src only',
  ],
  [
    'another way to save an account',
    {
      'src/work/accounts/stats.ts': ['../../store/accounts/save-accounts.ts'],
      'src/store/accounts/save-accounts.ts': ['kysely'],
    },
    'only changeAccounts saves accounts',
  ],
  ['a script to main', { 'scripts/openapi.ts': ['../src/main.ts'] }, 'nothing imports main'],
  [
    'src to test',
    { 'src/app.ts': ['./http/routes/stats.ts', '../test/stats.test.ts'] },
    'src imports nothing of the repository',
  ],
  [
    'src to scripts',
    { 'src/config.ts': ['../scripts/other.ts'], 'scripts/other.ts': [] },
    'src imports nothing of the repository',
  ],
  [
    'a migration to src',
    { 'db/migrations/0001-ledger.ts': ['kysely', '../../src/errors.ts'] },
    'migrations import only kysely',
  ],
  ['a migration to Node', { 'db/migrations/0001-ledger.ts': ['node:fs'] }, 'migrations import only kysely'],
  [
    'a development dependency',
    { 'src/panel/marzban/client.ts': ['vitest'] },
    'what the service imports is a dependency',
  ],
  [
    'an undeclared dependency',
    { 'src/panel/marzban/client.ts': ['undeclared'] },
    'what the service imports is a dependency',
  ],
  [
    'a missing file',
    { 'src/panel/marzban/client.ts': ['./missing.ts'] },
    'what the service imports is a dependency',
  ],
  ['a cycle', { 'src/ledger/counter.ts': ['./account.ts'] }, 'no cycles'],
  [
    'an unknown part',
    { 'src/main.ts': ['./service.ts', './config.ts', './util/x.ts'], 'src/util/x.ts': ['../errors.ts'] },
    'every file of src belongs to a part',
  ],
  [
    'a room to another room',
    {
      'src/work/accounts/stats.ts': ['../../store/accounts/accounts.ts', '../collecting/poll.ts'],
      'src/work/collecting/poll.ts': [],
    },
    'work/accounts may import of work only',
  ],
  [
    'a file outside of every room',
    { 'src/jobs/poll.ts': ['../work/stray.ts'], 'src/work/stray.ts': ['../errors.ts'] },
    'every file of work belongs to a room',
  ],
  [
    'the embedded server to the ledger',
    {
      'src/service.ts': ['./assemble.ts', './postgres/start.ts'],
      'src/postgres/start.ts': ['../ledger/account.ts'],
    },
    'postgres may import of src only',
  ],
  [
    'a file nobody uses',
    { 'src/store/accounts/dead.ts': ['kysely'] },
    'every file of src is reached from main',
  ],
] as [string, Record<string, string[]>, string][])('%s is a violation', async (_, changes, rule) => {
  expect(await violationsOf(changes)).toContainEqual(expect.stringContaining(rule))
})
