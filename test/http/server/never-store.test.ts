import { afterAll, beforeAll, expect, test } from 'vitest'
import { readOperations } from '../operations.ts'
import { startTestService, type TestService, withKey } from '../service.ts'

let service: TestService
beforeAll(async () => {
  service = await startTestService({
    admins: [{ username: 'ana' }],
    failedAuthentication: { max: 1_000, windowMs: 1_000 },
  })
  await service.poll()
})
afterAll(() => service.close())

test('no answer of a call that needs a login may be stored, whoever calls', async () => {
  const calls = (await readOperations(service.app)).filter(({ isOpen }) => !isOpen)
  const callers = [
    withKey,
    service.as('ana'),
    { authorization: 'Bearer wrong' },
    { 'x-api-key': 'wrong' },
    {},
  ]
  const seen = new Set<number>()
  for (const { method, path } of calls) {
    for (const headers of callers) {
      for (const value of ['1', 'ana', '9007199254740993', '%zz', 'x'.repeat(9_000)]) {
        const url = path.replaceAll(/\{\w+\}/g, value)
        const answer = await service.app.inject({ method, url, headers })
        seen.add(answer.statusCode)
        expect([url.slice(0, 60), answer.statusCode, answer.headers['cache-control']]).toEqual([
          url.slice(0, 60),
          answer.statusCode,
          'no-store',
        ])
      }
    }
  }
  for (const status of [200, 202, 400, 401, 403, 404, 414]) expect(seen).toContain(status)
})

test('a refusal because of too much work may not be stored either', async () => {
  const busy = await startTestService({
    admins: [],
    databaseWaitMs: () => 60_000,
    pressure: { maxEventLoopDelay: 0, healthCheckInterval: 5, sampleInterval: 5 },
  })
  try {
    await expect
      .poll(async () => (await busy.app.inject({ url: '/admins', headers: withKey })).statusCode)
      .toBe(503)
    const { headers } = await busy.app.inject({ url: '/admins', headers: withKey })
    expect(headers['cache-control']).toBe('no-store')
  } finally {
    await busy.close()
  }
})

test('what is about no account may be stored as usual', async () => {
  expect((await service.app.inject('/healthz')).headers).not.toHaveProperty('cache-control')
})
