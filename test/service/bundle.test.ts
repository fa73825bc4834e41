import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { SourceMap } from 'node:module'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildBundle } from '../../scripts/build.ts'
import { type StandInPanel, startPanel } from '../stand-in/start.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { makeRunDir } from '../support/run-dir.ts'
import { spawnService } from '../support/spawn-service.ts'
import { until } from '../support/until.ts'

const root = path.join(import.meta.dirname, '../..')
const sources = path.join(root, 'src/main.ts')
let bundle: string
let panel: StandInPanel
let database: TestDatabase

beforeAll(async () => {
  // What stays outside of the bundle is found from here.
  const cache = path.join(root, 'node_modules/.cache')
  await mkdir(cache, { recursive: true })
  bundle = await mkdtemp(path.join(cache, 'bundle-'))
  await buildBundle(bundle)
  panel = await startPanel()
  panel.state.createAdmin('ana')
  database = await createTestDatabase()
}, 60_000)
afterAll(async () => {
  await panel.close()
  await database.drop()
  await rm(bundle, { recursive: true, force: true })
})

describe.each([
  ['the sources', () => sources],
  ['the bundle', () => path.join(bundle, 'main.js')],
])('%s', (name, main) => {
  test.each(['a server of its own', 'the embedded PostgreSQL'])(
    'serve with %s',
    { timeout: 120_000 },
    async (place) => {
      const username = `user_${name.length}_${place.length}`
      panel.state.createUser(username, { admin: 'ana', lifetime: 5n })
      const runDir = await makeRunDir()
      const environment: Record<string, string> =
        place === 'the embedded PostgreSQL'
          ? { DATA_DIR: path.join(runDir.path, 'data') }
          : { DATABASE_URL: database.url }
      const service = await spawnService(panel, { POLL_INTERVAL: '1', ...environment }, undefined, main())
      try {
        await until(
          'the user is read',
          async () => (await service.call('GET', '/users?limit=1')).status !== 0,
        )
        await until('the account is there', async () => {
          const { body } = await service.call('GET', '/admins?username=ana')
          return (body as { items?: unknown[] }).items?.length === 1
        })
        const deletion = await service.call('DELETE', `/users/${username}`)
        expect([deletion.status, deletion.body]).toMatchObject([200, { state: 'deleted', final_reading: 5 }])
        const docs = await fetch(`${service.url}/docs/`)
        const [, script = ''] = /src="([^"]*swagger-ui-bundle[^"]*)"/.exec(await docs.text()) ?? []
        const file = await fetch(new URL(script, docs.url))
        expect([docs.status, file.status, (await file.arrayBuffer()).byteLength > 100_000]).toEqual([
          200,
          200,
          true,
        ])
      } finally {
        expect(await service.end('SIGTERM')).toBe(0)
        await runDir.remove()
      }
    },
  )
})

test('with its source maps, a stack trace of the bundle names the sources', async () => {
  const [chunk = ''] = (await readdir(bundle)).filter((file) => file === 'run.js')
  const map = new SourceMap(JSON.parse(await readFile(path.join(bundle, `${chunk}.map`), 'utf8')))
  const lines = (await readFile(path.join(bundle, chunk), 'utf8')).split('\n')
  const line = lines.findIndex((text) => text.includes('draining'))
  const entry = map.findEntry(line, lines[line]?.indexOf('draining') ?? 0) as { originalSource: string }
  expect(entry.originalSource).toMatch(/src\/run\.ts$/)
})

test('the bundle has no letter that would make V8 keep it in twice the memory', async () => {
  for (const file of (await readdir(bundle)).filter((name) => name.endsWith('.js'))) {
    expect((await readFile(path.join(bundle, file), 'utf8')).match(/.{0,30}[^\0-\x7f]/), file).toBe(null)
  }
})
