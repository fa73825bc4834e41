import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startTestService, type TestService, withKey } from '../service.ts'

let waitedMs = 0
let service: TestService
beforeAll(async () => {
  service = await startTestService({
    admins: [{ username: 'ana' }, { username: 'root', isSudo: true }],
    databaseWaitMs: () => waitedMs,
    pressure: { maxEventLoopDelay: 0, healthCheckInterval: 5 },
  })
  service.panel.state.createUser('u1', { admin: 'ana', lifetime: 7n })
  await service.poll()
})
afterAll(() => service.close())

const ask = (method: 'GET' | 'DELETE', url: string) =>
  service.app.inject({ method, url, headers: url.startsWith('/api') ? service.as('root') : withKey })

async function wait(ms: number): Promise<void> {
  waitedMs = ms
  const status = ms > 2_000 ? 503 : 200
  await expect.poll(async () => (await ask('GET', '/admins')).statusCode).toBe(status)
}

describe('while requests wait too long for the database', () => {
  beforeEach(() => wait(2_001))

  test.each([
    ['GET', '/admins/1/stats'],
    ['DELETE', '/users/u1'],
    ['GET', '/readyz'],
  ] as const)('%s %s is shed', async (method, url) => {
    const answer = await ask(method, url)
    expect(answer.statusCode).toBe(503)
    expect(answer.headers['retry-after']).toBe('10')
    expect(answer.json()).toMatchObject({ code: 'overloaded' })
  })

  test('so is what the front has to store first', async () => {
    const answer = await ask('DELETE', '/api/user/u1')
    expect(answer.statusCode).toBe(503)
    expect(answer.headers['retry-after']).toBe('10')
    expect(answer.json()).toEqual({ detail: expect.stringContaining('ask again later') })
    expect(service.panel.state.users.has('u1')).toBe(true)
  })

  test.each(['/healthz', '/api/user/u1', '/api/users'])(
    '%s, which does without it, is served',
    async (url) => {
      expect((await ask('GET', url)).statusCode).toBe(200)
    },
  )

  test('and everything is served again when they no longer do', async () => {
    await wait(2_000)
    expect((await ask('DELETE', '/api/user/u1')).statusCode).toBe(200)
  })
})
