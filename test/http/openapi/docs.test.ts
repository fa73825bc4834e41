import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { Validator } from '@seriousme/openapi-schema-validator'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import packageJson from '../../../package.json' with { type: 'json' }
import { startTestService, type TestService } from '../service.ts'

const file = path.join(import.meta.dirname, '../../../openapi/openapi.json')

type Operation = Record<string, unknown> & {
  responses: Record<string, { description: string; content?: Record<string, unknown> }>
  parameters?: { name: string; description?: string }[]
}
type Document = { paths: Record<string, Record<string, Operation>> }

let service: TestService
let document: Document
beforeAll(async () => {
  service = await startTestService({ admins: [], version: packageJson.version })
  document = (await service.app.inject('/openapi.json')).json()
})
afterAll(() => service.close())

describe('/openapi.json', () => {
  test('/openapi.json is the file in the repository; otherwise run `npm run openapi`', async () => {
    expect(document).toEqual(JSON.parse(await readFile(file, 'utf8')))
  })

  test('/openapi.json is valid OpenAPI 3.1', async () => {
    const validator = new Validator()
    expect(await validator.validate(structuredClone(document))).toEqual({ valid: true })
    expect(validator.version).toBe('3.1')
  })

  test('/openapi.json lists all calls', () => {
    const calls = Object.entries(document.paths).flatMap(([url, item]) =>
      Object.keys(item).map((method) => `${method} ${url}`),
    )
    expect(calls.sort()).toEqual([
      'delete /admins/{id}',
      'delete /admins/{id}/grants/{grant_id}',
      'delete /admins/{id}/hold',
      'delete /admins/{id}/limit',
      'delete /api-keys/{id}',
      'delete /deletions/{id}',
      'delete /users/{username}',
      'get /admins',
      'get /admins/{id}',
      'get /admins/{id}/grants',
      'get /admins/{id}/hold',
      'get /admins/{id}/limit',
      'get /admins/{id}/periods',
      'get /admins/{id}/stats',
      'get /admins/{id}/users',
      'get /api-keys',
      'get /audit',
      'get /deletions',
      'get /deletions/{id}',
      'get /healthz',
      'get /readyz',
      'get /sync',
      'post /admins/{id}/grants',
      'post /admins/{id}/hold',
      'post /admins/{id}/periods',
      'post /api-keys',
      'post /deletions',
      'post /sync',
      'post /webhooks/marzban',
      'put /admins/{id}/limit',
    ])
  })

  test('/openapi.json describes each call completely', () => {
    const operations = Object.values(document.paths).flatMap((item) => Object.values(item))
    const ids = operations.map((operation) => operation.operationId)
    expect(new Set(ids).size).toBe(operations.length)
    for (const operation of operations) {
      expect(operation).toMatchObject({
        operationId: expect.any(String),
        summary: expect.any(String),
        description: expect.stringMatching(/\.$/),
        tags: [expect.any(String)],
      })
      for (const parameter of operation.parameters ?? []) {
        expect(parameter).toMatchObject({
          name: expect.any(String),
          description: expect.stringMatching(/\S/),
        })
      }
      for (const [status, response] of Object.entries(operation.responses)) {
        expect(response.description).not.toBe('Default Response')
        const type = Number(status) < 400 ? 'application/json' : 'application/problem+json'
        expect(Object.keys(response.content ?? {})).toEqual(status === '204' ? [] : [type])
      }
    }
  })
})

describe('/docs', () => {
  test('/docs and its files are served, under a policy that allows them', async () => {
    const page = await service.app.inject('/docs')
    expect(page.statusCode).toBe(200)
    expect(page.headers['content-type']).toMatch(/^text\/html/)
    const policy = String(page.headers['content-security-policy'])
    expect(policy).toContain("script-src 'self';")
    // With it, a browser would load every script by HTTPS, which an http:// address does not serve.
    expect(policy).not.toContain('upgrade-insecure-requests')
    expect(page.headers).not.toHaveProperty('strict-transport-security')

    // The policy would stop inline scripts.
    expect(page.body).not.toMatch(/<script(?![^>]*src=)/)
    expect(page.body).not.toMatch(/<style|\sstyle=|\son\w+=/)
    const assets = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => String(url))
    expect(assets.length).toBeGreaterThan(5)
    for (const url of assets) {
      const asset = await service.app.inject(url)
      expect([url, asset.statusCode]).toEqual([url, 200])
      expect(asset.headers['x-content-type-options']).toBe('nosniff')
    }
    expect((await service.app.inject('/docs/json')).json()).toEqual(document)
  })
})

test('every answer has the headers that stop browsers from guessing', async () => {
  for (const url of ['/healthz', '/admins', '/nowhere']) {
    const { headers } = await service.app.inject(url)
    expect(headers).toMatchObject({
      'content-security-policy': "default-src 'none';frame-ancestors 'none'",
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    })
  }
})
