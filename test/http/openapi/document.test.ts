import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { Validator } from '@seriousme/openapi-schema-validator'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { nameSchemas } from '../../../src/http/openapi/name-schemas.ts'
import { startTestService, type TestService, withKey } from '../service.ts'

type Schema = { [member: string]: unknown; enum?: unknown[]; type?: unknown; $ref?: string }
type Content = Record<string, { schema: Schema; example?: { status: number; detail: string } }>
type Parameter = { in: string; name: string; schema: Schema; example?: unknown; examples?: unknown }
type Operation = { parameters?: Parameter[]; responses: Record<string, { content?: Content }> }
type Document = {
  info: { contact?: object }
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, Schema> }
}

let service: TestService
let document: Document
beforeAll(async () => {
  service = await startTestService({ admins: [{ username: 'ana', usage: 5n }] })
  service.panel.state.createUser('alice', { admin: 'ana', lifetime: 5n })
  await service.poll()
  await service.scan()
  document = (await service.app.inject('/openapi.json')).json()
})
afterAll(() => service.close())

const operations = () =>
  Object.entries(document.paths).flatMap(([url, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      call: `${method} ${url}`,
      url,
      method,
      operation,
    })),
  )

/** Every schema of the document outside of the components, and every one within them below the top. */
function* partsOf(part: unknown, at: string): Generator<[string, Schema]> {
  if (typeof part !== 'object' || part === null) return
  yield [at, part as Schema]
  for (const [name, value] of Object.entries(part)) yield* partsOf(value, `${at}/${name}`)
}

/** What Swagger UI writes into the field of a parameter when a call opens. */
const filledIn = ({ schema, example, examples }: Parameter) =>
  examples ?? example ?? schema.example ?? schema.default

describe('a call opens in /docs', () => {
  test('without any filter or id filled in', () => {
    const filled = operations().flatMap(({ call, operation: { parameters = [] } }) =>
      parameters.flatMap((parameter) => {
        const value = filledIn(parameter)
        return value === undefined || value === parameter.schema.default ? [] : `${call} ${parameter.name}`
      }),
    )
    expect(filled).toEqual([])
  })

  test('and each list, sent as it opens, shows what there is', async () => {
    await service.app.inject({ method: 'DELETE', url: '/users/alice', headers: withKey })
    const limit = { traffic_limit: 10, period: null, on_exceed: 'notify' }
    await service.app.inject({ method: 'PUT', url: '/admins/1/limit', headers: withKey, payload: limit })
    await service.app.inject({
      method: 'POST',
      url: '/admins/1/grants',
      headers: withKey,
      payload: { bytes: 1 },
    })
    const key = { name: 'a', role: 'metrics', access: 'read' }
    await service.app.inject({ method: 'POST', url: '/api-keys', headers: withKey, payload: key })
    const lists = operations().filter(({ operation: { parameters = [] } }) =>
      parameters.some(({ name }) => name === 'cursor'),
    )
    expect(lists.length).toBeGreaterThanOrEqual(7)
    for (const { url, operation } of lists) {
      const query = new URLSearchParams()
      for (const parameter of operation.parameters ?? []) {
        const value = parameter.in === 'query' ? filledIn(parameter) : undefined
        if (value !== undefined) query.set(parameter.name, String(value))
      }
      const answer = await service.app.inject({
        url: `${url.replace('{id}', '1')}?${query}`,
        headers: withKey,
      })
      expect([url, answer.statusCode]).toEqual([url, 200])
      expect(answer.json().items, url).not.toEqual([])
    }
  })

  test('and each of its errors shows an example of its own', () => {
    for (const { call, operation } of operations()) {
      const errors = Object.entries(operation.responses).filter(([status]) => Number(status) >= 400)
      const examples = errors.map(([, { content }]) => content?.['application/problem+json']?.example)
      expect([call, examples.map((example) => example?.status)]).toEqual([
        call,
        errors.map(([status]) => Number(status)),
      ])
      expect(new Set(examples.map((example) => example?.detail)).size, call).toBe(errors.length)
    }
  })
})

test('the page of /docs fits a phone and has the name of this service', async () => {
  const page = (await service.app.inject('/docs')).body
  expect(page).toContain('<meta name="viewport" content="width=device-width, initial-scale=1">')
  expect(page).toContain('<title>marzban-ledger</title>')
  expect(page).toContain('/docs/static/theme/narrow-screens.css')
  expect(page).toContain('/docs/static/theme/icon.svg')
  expect(page).not.toContain('favicon')
  const script = (await service.app.inject('/docs/static/swagger-initializer.js')).body
  // The bar with the name of Swagger belongs to the other layout.
  expect(script).toContain('"layout":"BaseLayout"')
})

describe('the form of the document', () => {
  test('lists, health, readiness and words have names', () => {
    const names = Object.keys(document.components.schemas)
    expect(names).toEqual(
      expect.arrayContaining(['AccountPage', 'DeletionPage', 'Health', 'Readiness', 'DeletionState']),
    )
    const { components, ...rest } = document
    const inner = Object.entries(components.schemas).flatMap(([name, schema]) => [
      ...partsOf(schema.properties, `${name}/properties`),
    ])
    const unnamed = [...partsOf(rest, ''), ...inner].filter(([, part]) => Array.isArray(part.enum))
    expect(unnamed.map(([at]) => at)).toEqual([])
    for (const { call, operation } of operations()) {
      for (const { content } of Object.values(operation.responses)) {
        for (const { schema } of Object.values(content ?? {})) expect(schema.$ref, call).toBeDefined()
      }
    }
  })

  test('an object or a word that may be null is `anyOf`, and the limit in the stats has its shape', () => {
    const lists = [...partsOf(document, '')].filter(
      ([, { type, properties, enum: words }]) =>
        Array.isArray(type) && type.includes('null') && (properties || words),
    )
    expect(lists).toEqual([])
    const { properties } = document.components.schemas.Stats as { properties: Record<string, Schema> }
    expect(properties.limit).toEqual({
      anyOf: [{ $ref: '#/components/schemas/LimitStatus' }, { type: 'null' }],
    })
    expect(document.info.contact).toBeDefined()
  })

  test('two schemas of one name are a bug', () => {
    const documentOf = (...paths: object[]) => ({ paths, components: {} })
    const word = (...words: string[]) => ({ type: 'string', title: 'Word', enum: words })
    expect(() => nameSchemas(documentOf(word('x'), word('y')))).toThrow('Word')
    expect(nameSchemas(documentOf(word('x'), word('x')))).toMatchObject({
      components: { schemas: { Word: {} } },
    })
  })
})

test('/openapi-3.0.json is the file in the repository, valid, and knows no null but `nullable`', async () => {
  const file = path.join(import.meta.dirname, '../../../openapi/openapi-3.0.json')
  const older = (await service.app.inject('/openapi-3.0.json')).json()
  expect(older).toEqual(JSON.parse(await readFile(file, 'utf8')))
  const validator = new Validator()
  expect(await validator.validate(structuredClone(older))).toEqual({ valid: true })
  expect(validator.version).toBe('3.0')
  expect(Object.keys(older.paths)).toEqual(Object.keys(document.paths))
  for (const [at, { type, const: constant }] of partsOf(older, '')) {
    if (at.endsWith('/properties')) continue
    expect([at, type === 'null' || Array.isArray(type), constant]).toEqual([at, false, undefined])
  }
})
