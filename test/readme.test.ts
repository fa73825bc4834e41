import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Environment } from '../src/config.ts'
import { apiKey, startTestService, type TestService } from './http/service.ts'
import { curlLinesOf, paste } from './support/curl.ts'

const root = path.join(import.meta.dirname, '..')
const readme = readFileSync(path.join(root, 'README.md'), 'utf8')

test('the table of the configuration says what the schema says', () => {
  const rows = [...readme.matchAll(/^\| `([A-Z_]+)` \| (.*?) \| (.*) \|$/gm)]
  expect(rows.map(([, name]) => name)).toEqual(Object.keys(Environment.properties))
  for (const [, name = '', kept = '', meaning] of rows) {
    const schema: { default?: unknown; description?: string } = Reflect.get(Environment.properties, name)
    expect(meaning, name).toContain(`: ${schema.description}`)
    if (schema.default !== undefined) expect(kept, name).toBe(`\`${schema.default}\``)
    else expect(kept === 'required', name).toBe(Environment.required.some((required) => required === name))
  }
})

test('the files that the README links to exist', () => {
  const files = [...readme.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map(([, file = '']) => file)
  expect(files.length).toBeGreaterThan(0)
  for (const file of files) expect(existsSync(path.join(root, file)), file).toBe(true)
})

test.each(['http', 'work', 'store', 'panel'])('the diagram of the README shows the rooms of %s', (floor) => {
  const folders = readdirSync(path.join(root, 'src', floor), { withFileTypes: true })
  const rooms = folders.filter((entry) => entry.isDirectory()).map(({ name }) => name)
  const shown = [...readme.matchAll(new RegExp(`^ +${floor}_\\w+\\[(.*)\\]$`, 'gm'))].map(([, name]) => name)
  expect(shown.sort()).toEqual(rooms.sort())
})

test('docs/architecture.md lists every room, and functions that stand in the files it names', () => {
  const text = readFileSync(path.join(root, 'docs/architecture.md'), 'utf8')
  for (const floor of ['http', 'work', 'store', 'panel']) {
    for (const entry of readdirSync(path.join(root, 'src', floor), { withFileTypes: true })) {
      if (entry.isDirectory()) expect(text).toContain(`\`${floor}/${entry.name}\``)
    }
  }
  const steps = [...text.matchAll(/^\| \d+ \| `(\w+)` \| `(.+?)` \|/gm)]
  const others = [...text.matchAll(/`(\w+)`\s+in `([\w/-]+\.ts)`/g)]
  expect(steps.length).toBeGreaterThanOrEqual(10)
  expect(others.length).toBeGreaterThanOrEqual(4)
  for (const [, name, file = ''] of [...steps, ...others]) {
    const source = readFileSync(
      path.join(root, 'src', file.includes('/') ? file : `work/deleting/${file}`),
      'utf8',
    )
    expect(source, file).toMatch(new RegExp(`\\b(function )?${name}[(<]`))
  }
})

describe('the curl examples of the README, pasted', () => {
  const commands = curlLinesOf(readme)
  let service: TestService
  let address: string

  beforeAll(async () => {
    service = await startTestService({ admins: [{ username: 'ana' }] })
    service.panel.state.createUser('alice', { admin: 'ana', lifetime: 5n })
    service.panel.state.createUser('bob', { admin: 'ana', lifetime: 5n })
    const ana = service.panel.state.admins.get('ana')
    if (ana) ana.password = 'secret'
    await service.poll()
    await service.scan()
    // The account with the id that the examples name.
    expect(await service.idOf('ana')).toBe(1n)
    address = await service.app.listen({ port: 0, host: '127.0.0.1' })
  })
  afterAll(() => service.close())

  test('the README has at least eight curl examples', () => expect(commands.length).toBeGreaterThanOrEqual(8))

  test.each(commands)('%s', async (command) => {
    const TOKEN = service.as('ana').authorization.replace('Bearer ', '')
    expect(await paste(command, { LEDGER: address, API_KEY: apiKey, TOKEN })).toEqual(expect.any(Object))
  })
})
