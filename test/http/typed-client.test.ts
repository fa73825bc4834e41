import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import openapiTS, { astToString } from 'openapi-typescript'
import ts from 'typescript'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { panelUser } from './panel.ts'
import { apiKey, startTestService, type TestService } from './service.ts'

const root = path.join(import.meta.dirname, '../..')
const ana = { username: 'ana', isSudo: false, usersUsage: 5_000n }

/** What somebody writes who has nothing but the OpenAPI document. */
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

const refused = await ana.GET('/sync')
const code: string | undefined = refused.error?.code
const ready = await operator.GET('/readyz')

console.log(JSON.stringify({
  accounts: accounts.map(({ username }) => username),
  total, limit, hasTime: typeof asOf === 'string', state, failure,
  users: users.data?.items.map(({ username, state }) => [username, state]),
  started: started.response.status, running: sync.data?.scan.running,
  refused: [refused.response.status, code], ready: ready.data?.status,
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
  service = await startTestService({ admins: [ana, { username: 'bob', isSudo: true, usersUsage: 1n }] })
  await service.poll()
  await service.observe(panelUser('alice', ana, { lifetimeUsedTraffic: 10n }), panelUser('gone', ana))
  await service.lose('gone')
})
afterAll(async () => {
  await service?.close()
  await rm(folder, { recursive: true, force: true })
})

it('type-checks strictly', async () => {
  const file = path.join(folder, 'program.ts')
  await writeFile(file, program)
  expect(check(file)).toEqual([])
})

it.each([
  ["GET('/admins'", "GET('/nowhere'"],
  ['{ limit: 1,', "{ limit: 'one',"],
  ["sort: '-total_traffic', ", "sort: 'size', "],
  ["['current', 'ended']", "['past']"],
  ['stats.data?.total_traffic', 'stats.data?.total_bytes'],
  ["id: 'me'", 'id: true'],
])('refuses %s written as %s', async (right, wrong) => {
  const changed = program.replace(right, wrong)
  expect(changed).not.toBe(program)
  const file = path.join(folder, 'wrong.ts')
  await writeFile(file, changed)
  expect(check(file)).not.toEqual([])
})

it('works against the running service', async () => {
  const file = path.join(folder, 'program.ts')
  await writeFile(file, program)
  const baseUrl = await service.app.listen({ host: '127.0.0.1', port: 0 })
  const { stdout } = await promisify(execFile)(process.execPath, [file, baseUrl, apiKey, 'token-of-ana'])
  expect(JSON.parse(stdout)).toEqual({
    accounts: ['ana', 'bob'],
    total: 5_000,
    limit: null,
    hasTime: true,
    state: 'open',
    failure: null,
    users: [
      ['alice', 'current'],
      ['gone', 'ended'],
    ],
    started: 202,
    running: false,
    refused: [403, 'forbidden'],
    ready: 'ready',
  })
})

/** What the compiler has against a file, a line each. */
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
