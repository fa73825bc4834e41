import { execFile } from 'node:child_process'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import ts from 'typescript'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { effort } from '../../support/effort.ts'
import { apiKey, startTestService, type TestService } from '../service.ts'

const root = path.join(import.meta.dirname, '../../..')
const run = promisify(execFile)
const document = path.join(root, 'openapi/openapi.json')

/** How each generator is called, and a program that uses what it made. Each reads the accounts and one account's figures. */
const clients: Record<string, { args: string[]; program: string }> = {
  'openapi-ts': {
    args: ['-i', document, '-o', 'hey', '-c', '@hey-api/client-fetch'],
    program: `
      import { client } from './hey/client.gen'
      import { getAdminStats, listAdmins } from './hey'
      client.setConfig({ baseUrl, headers: { 'X-API-Key': key } })
      const list = await listAdmins({ query: { limit: 1 } })
      const stats = await getAdminStats({ path: { id: list.data?.items[0]?.id ?? 0 } })
      const limit: string | undefined = stats.data?.limit?.state
      const total = stats.data?.total_traffic`,
  },
  orval: {
    args: ['--input', document, '--output', './orval.ts', '--client', 'fetch'],
    program: `
      import { getGetAdminStatsUrl, getListAdminsUrl, type AccountPage, type Stats } from './orval'
      const read = async <Body>(url: string): Promise<Body> =>
        (await fetch(baseUrl + url, { headers: { 'X-API-Key': key } })).json() as Promise<Body>
      const list = await read<AccountPage>(getListAdminsUrl({ limit: 1 }))
      const stats = await read<Stats>(getGetAdminStatsUrl(list.items[0]?.id ?? 0))
      const limit: string | undefined = stats.limit?.state
      const total = stats.total_traffic`,
  },
  oazapfts: {
    args: [document, 'oazapfts.ts'],
    program: `
      import { defaults, getAdminStats, listAdmins } from './oazapfts'
      Object.assign(defaults, { baseUrl, headers: { 'X-API-Key': key } })
      const list = await listAdmins({ limit: 1 })
      if (list.status !== 200) throw new Error(list.data.detail)
      const stats = await getAdminStats(list.data.items[0]?.id ?? 0)
      if (stats.status !== 200) throw new Error(stats.data.detail)
      const limit: string | undefined = stats.data.limit?.state
      const total = stats.data.total_traffic`,
  },
  'swagger-typescript-api': {
    args: ['generate', '-p', document, '-o', '.', '-n', 'swagger.ts'],
    program: `
      import { Api } from './swagger'
      const api = new Api({ baseUrl, baseApiParams: { headers: { 'X-API-Key': key } } })
      const list = await api.admins.listAdmins({ limit: 1 })
      const stats = await api.admins.getAdminStats(list.data.items[0]?.id ?? 0)
      const limit: string | undefined = stats.data.limit?.state
      const total = stats.data.total_traffic`,
  },
}

let service: TestService
let baseUrl: string
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'generated-clients-'))
  await symlink(path.join(root, 'node_modules'), path.join(folder, 'node_modules'))
  // What is generated imports its own files without their extensions.
  await writeFile(path.join(folder, 'package.json'), '{"type":"commonjs"}')
  service = await startTestService({ admins: [{ username: 'ana', usage: 5_000n }] })
  await service.poll()
  await service.scan()
  const limit = { traffic_limit: 1_000_000, period: null, on_exceed: 'notify' }
  await service.app.inject({
    method: 'PUT',
    url: '/admins/1/limit',
    headers: { 'x-api-key': apiKey },
    payload: limit,
  })
  baseUrl = await service.app.listen({ host: '127.0.0.1', port: 0 })
})
afterAll(async () => {
  await service?.close()
  await rm(folder, { recursive: true, force: true })
})

test.each(Object.entries(clients).slice(0, effort('CLIENTS', { newcomer: 1, ci: 9 })))(
  'a client made by %s compiles strictly and works',
  {
    timeout: 120_000,
  },
  async (generator, { args, program }) => {
    const command = path.join(root, 'node_modules/.bin', generator)
    await run(command, args, { cwd: folder })
    const [imports = [], code = []] = [/^\s*import /, /^(?!\s*import )/].map((kind) =>
      program.split('\n').filter((line) => kind.test(line)),
    )
    const file = path.join(folder, `use-${generator}.ts`)
    const text = [
      ...imports,
      "const [baseUrl = '', key = ''] = process.argv.slice(2)",
      'async function main(): Promise<void> {',
      ...code,
      'console.log(JSON.stringify({ limit, total }))',
      '}',
      'void main()',
    ]
    await writeFile(file, text.join('\n'))
    expect(compile(file)).toEqual([])
    const { stdout } = await run(process.execPath, [file.replace(/\.ts$/, '.js'), baseUrl, apiKey])
    expect(JSON.parse(stdout)).toEqual({ limit: 'ok', total: 5_000 })
  },
)

/** Compiles a file and what it imports; the compiler's errors, one line each. */
function compile(file: string): string[] {
  const program = ts.createProgram([file], {
    strict: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    lib: ['lib.es2024.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
    types: ['node'],
    typeRoots: [path.join(root, 'node_modules/@types')],
  })
  const { diagnostics } = program.emit()
  return [...ts.getPreEmitDiagnostics(program), ...diagnostics].map(
    ({ file: source, messageText }) =>
      `${source?.fileName ?? ''}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`,
  )
}
