import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Environment } from '../src/config.ts'
import { apiKey, startTestService, type TestService } from './http/service.ts'
import { curlLinesOf, paste } from './support/curl.ts'

const root = path.join(import.meta.dirname, '..')
const readme = readFileSync(path.join(root, 'README.md'), 'utf8')

test('the table of the configuration tells what the schema does', () => {
  const rows = [...readme.matchAll(/^\| `([A-Z_]+)` \| (.*?) \| (.*) \|$/gm)]
  expect(rows.map(([, name]) => name)).toEqual(Object.keys(Environment.properties))
  for (const [, name = '', kept = '', meaning] of rows) {
    const schema: { default?: unknown; description?: string } = Reflect.get(Environment.properties, name)
    expect(meaning, name).toContain(`: ${schema.description}`)
    if (schema.default !== undefined) expect(kept, name).toBe(`\`${schema.default}\``)
    else expect(kept === 'required', name).toBe(Environment.required.some((required) => required === name))
  }
})

test('what it links to exists', () => {
  const files = [...readme.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map(([, file = '']) => file)
  expect(files.length).toBeGreaterThan(0)
  for (const file of files) expect(existsSync(path.join(root, file)), file).toBe(true)
})

describe('the examples, pasted', () => {
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

  test('there are some', () => expect(commands.length).toBeGreaterThanOrEqual(8))

  test.each(commands)('%s', async (command) => {
    const TOKEN = service.as('ana').authorization.replace('Bearer ', '')
    expect(await paste(command, { LEDGER: address, API_KEY: apiKey, TOKEN })).toEqual(expect.any(Object))
  })
})
