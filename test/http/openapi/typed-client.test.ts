import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import openapiTS, { astToString } from 'openapi-typescript'
import ts from 'typescript'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { apiKey, startTestService, type TestService } from '../service.ts'

const root = path.join(import.meta.dirname, '../../..')

/** A program that uses only the OpenAPI document. */
const program = `
import createClient from 'openapi-fetch'
import type { components, paths } from './api.ts'

const [baseUrl = '', key = '', token = ''] = process.argv.slice(2)
const operator = createClient<paths>({ baseUrl, headers: { 'X-API-Key': key } })
const ana = createClient<paths>({ baseUrl, headers: { authorization: \`Bearer \${token}\` } })

type Account = components['schemas']['Account']
const accounts: Account[] = []
let cursor: string | null = null
do {
  const after: { cursor?: string } = cursor === null ? {} : { cursor }
  const page = await operator.GET('/admins', {
    params: { query: { limit: 1, sort: '-total_traffic', ...after } },
  })
  if (page.error) throw new Error(page.error.detail)
  accounts.push(...page.data.items)
  cursor = page.data.next_cursor
} while (cursor !== null)

const id: number | undefined = accounts[0]?.id
const stats = await operator.GET('/admins/{id}/stats', { params: { path: { id: id ?? 0 }, query: { max_age: 0 } } })
const total: number | undefined = stats.data?.total_traffic
const asOf: string | null | undefined = stats.data?.as_of
const limit: object | null | undefined = stats.data?.limit

const users = await ana.GET('/admins/{id}/users', {
  params: { path: { id: 'me' }, query: { state: ['current', 'ended'] } },
})
const own = await ana.GET('/admins/{id}', { params: { path: { id: 'me' } } })
const state: 'open' | 'missing' | 'closed' | undefined = own.data?.state

const started = await operator.POST('/sync')
const sync = await operator.GET('/sync')
const failure: { code: string; detail: string } | null | undefined = sync.data?.poll.error

const receipt = await ana.DELETE('/users/{username}', { params: { path: { username: 'al@ice' } } })
const preserved: number | null | undefined = receipt.data?.preserved_bytes
const bulk = await ana.POST('/deletions', {
  params: { header: { 'idempotency-key': 'once' } },
  body: { admin: 'me', status: 'expired' },
})
const bulkId: number = bulk.data?.id ?? 0
const cancelled = await ana.DELETE('/deletions/{id}', { params: { path: { id: bulkId } } })
const secondsLeft: number | null | undefined = cancelled.data?.seconds_left
const named = await operator.POST('/deletions', { body: { usernames: ['alice'] } })
const trail = await ana.GET('/deletions', {
  params: { query: { admin: 'me', kind: ['user', 'users'], from: '2026-01-01T00:00:00Z' } },
})
const kinds: ('user' | 'users' | 'admin')[] | undefined = trail.data?.items.map(({ kind }) => kind)
const unknown = await ana.DELETE('/users/{username}', { params: { path: { username: 'nobody' } } })

const refused = await ana.GET('/sync')
const code: string | undefined = refused.error?.code
const ready = await operator.GET('/readyz')

console.log(JSON.stringify({
  accounts: accounts.map(({ username }) => username),
  total, limit, hasTime: typeof asOf === 'string', state, failure,
  users: users.data?.items.map(({ username, state }) => [username, state]),
  started: started.response.status, running: sync.data?.scan.running,
  refused: [refused.response.status, code], ready: ready.data?.status,
  preserved, secondsLeft, kinds, named: named.data?.total,
  isTold: bulk.response.headers.get('location') === \`/deletions/\${bulkId}\`,
  unknown: unknown.error?.code,
}))
`

let folder: string
let service: TestService
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'typed-client-'))
  await symlink(path.join(root, 'node_modules'), path.join(folder, 'node_modules'))
  await writeFile(path.join(folder, 'package.json'), '{"type":"module"}')
  const document = JSON.parse(await readFile(path.join(root, 'openapi/openapi.json'), 'utf8'))
  await writeFile(path.join(folder, 'api.ts'), astToString(await openapiTS(document)))
  service = await startTestService({
    admins: [
      { username: 'ana', usage: 5_000n },
      { username: 'bob', isSudo: true, usage: 1n },
    ],
  })
  await service.poll()
  service.panel.state.createUser('alice', { admin: 'ana', lifetime: 10n })
  service.panel.state.createUser('gone', { admin: 'ana' })
  service.panel.state.createUser('al@ice', { admin: 'ana' })
  await service.scan()
  service.panel.state.deleteUser('gone')
  await service.scan()
  service.panel.state.accrueUser('al@ice', 20)
})
afterAll(async () => {
  await service?.close()
  await rm(folder, { recursive: true, force: true })
})

test('a program with the generated client type-checks strictly', async () => {
  const file = path.join(folder, 'program.ts')
  await writeFile(file, program)
  expect(check(file)).toEqual([])
})

test.each([
  ["GET('/admins'", "GET('/nowhere'"],
  ['{ limit: 1,', "{ limit: 'one',"],
  ["sort: '-total_traffic', ", "sort: 'size', "],
  ["['current', 'ended']", "['past']"],
  ['stats.data?.total_traffic', 'stats.data?.total_bytes'],
  ["id: 'me'", 'id: true'],
  ["status: 'expired'", "status: 'gone'"],
  ["kind: ['user', 'users']", "kind: ['bulk']"],
  ['receipt.data?.preserved_bytes', 'receipt.data?.bytes'],
])('the compiler refuses %s written as %s', async (right, wrong) => {
  const changed = program.replace(right, wrong)
  expect(changed).not.toBe(program)
  const file = path.join(folder, 'wrong.ts')
  await writeFile(file, changed)
  expect(check(file)).not.toEqual([])
})

test('a program with the generated client works against the running service', async () => {
  const file = path.join(folder, 'program.ts')
  await writeFile(file, program)
  const baseUrl = await service.app.listen({ host: '127.0.0.1', port: 0 })
  const token = service.as('ana').authorization.replace('Bearer ', '')
  const { stdout } = await promisify(execFile)(process.execPath, [file, baseUrl, apiKey, token])
  expect(JSON.parse(stdout)).toEqual({
    accounts: ['ana', 'bob'],
    total: 5_000,
    limit: null,
    hasTime: true,
    state: 'open',
    failure: null,
    users: [
      ['al@ice', 'current'],
      ['alice', 'current'],
      ['gone', 'ended'],
    ],
    started: 202,
    running: true,
    refused: [403, 'forbidden'],
    ready: 'ready',
    preserved: 20,
    secondsLeft: null,
    kinds: ['users', 'user'],
    named: 1,
    isTold: true,
    unknown: 'not_found',
  })
})

/** The compiler's errors in a file, one line each. */
function check(file: string): string[] {
  const compiled = ts.createProgram([file], {
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    skipLibCheck: true,
    allowImportingTsExtensions: true,
    target: ts.ScriptTarget.ES2024,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    lib: ['lib.es2024.d.ts', 'lib.dom.d.ts'],
    types: ['node'],
    typeRoots: [path.join(root, 'node_modules/@types')],
  })
  return ts
    .getPreEmitDiagnostics(compiled)
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))
}
