import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { send } from '../front/raw.ts'
import { startTestService, type TestService, withKey } from '../service.ts'

type Document = {
  paths: Record<
    string,
    Record<string, { responses: Record<string, { content?: Record<string, { example?: object }> }> }>
  >
}

let service: TestService
let base: string
let document: Document
beforeAll(async () => {
  service = await startTestService({ admins: [{ username: 'ana' }] })
  await service.poll()
  base = await service.app.listen({ host: '127.0.0.1', port: 0 })
  document = (await service.app.inject('/openapi.json')).json()
})
afterAll(() => service.close())

const calls = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { responses }]) => ({
      method: method.toUpperCase(),
      path: path.replaceAll(/\{\w+\}/g, '1'),
      responses,
    })),
  )

describe('every call declares what the server answers before it looks for the call', () => {
  test.each([
    ['a slash too many', 307, '/', {}],
    ['an unknown Expect', 417, '', { expect: 'foo' }],
    ['a path that is too long', 431, `?${'a'.repeat(20_000)}`, {}],
    ['a header that is too large', 431, '', { 'x-large': 'a'.repeat(20_000) }],
  ] as const)('%s: %i', async (_what, status, tail, headers) => {
    expect(calls().length).toBeGreaterThan(25)
    for (const { method, path, responses } of calls()) {
      const answer = await send(base, method, `${path}${tail}`, { headers })
      expect([path, answer.status]).toEqual([path, status])
      const [mediaType = ''] = String(answer.headers['content-type']).split(';')
      const declared = responses[status]?.content?.[mediaType]
      expect(declared, path).toBeDefined()
      if (declared?.example) expect(JSON.parse(answer.body)).toEqual(declared.example)
    }
  })
})

test('the examples of 401 and 403 are the answers to an unknown token and to an admin', async () => {
  const { responses = {} } = document.paths['/sync']?.get ?? {}
  const exampleOf = (status: number) => responses[status]?.content?.['application/problem+json']?.example
  for (const [status, headers] of [
    [401, { authorization: 'Bearer nobody' }],
    [403, service.as('ana')],
  ] as const) {
    const answer = await service.app.inject({ url: '/sync', headers })
    expect([answer.statusCode, answer.json()]).toEqual([status, exampleOf(status)])
  }
  expect((await service.app.inject({ url: '/sync', headers: withKey })).statusCode).toBe(200)
})
