import { once } from 'node:events'
import { request } from 'node:http'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Cuttable, createCuttable } from '../cuttable.ts'
import { startTestService, type TestService } from '../service.ts'
import { send } from './raw.ts'

let service: TestService
let address: string
let way: Cuttable

beforeAll(async () => {
  way = createCuttable()
  service = await startTestService({
    admins: [{ username: 'ada' }, { username: 'root', isSudo: true }],
    reach: way.via,
  })
  address = await service.app.listen({ host: '127.0.0.1', port: 0 })
  for (let i = 0; i < 1_000; i += 1) {
    service.panel.state.createUser(`user_${i}`, { admin: 'ada', lifetime: 10n })
  }
  await service.poll()
})
afterAll(async () => {
  await service.close()
  await way.close()
})
afterEach(() => {
  service.panel.faults.clear()
  service.takeAsked()
})

const isChange = (call: string) => !call.startsWith('GET ')

describe('while the database is away nothing that loses bytes is forwarded', () => {
  test.each([
    ['DELETE', '/api/user/user_1'],
    ['POST', '/api/user/user_1/reset'],
    ['POST', '/api/user/user_1/active-next'],
    ['PUT', '/api/user/user_1/set-owner?admin_username=root'],
    ['DELETE', '/api/users/expired'],
    ['POST', '/api/users/reset'],
    ['DELETE', '/api/admin/ada'],
    ['POST', '/api/admin/usage/reset/ada'],
  ])('%s %s', async (method, target) => {
    service.panel.state.mustFind('user_2').status = 'expired'
    service.panel.state.mustFind('user_2').expire = 1_700_000_000
    way.cut()
    try {
      const answer = await send(address, method, target, { headers: service.as('root') })
      expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': expect.any(String) } })
      expect(JSON.parse(answer.body)).toEqual({ detail: expect.any(String) })
      expect(service.takeAsked().filter(isChange)).toEqual([])
    } finally {
      way.restore()
    }
  })

  test('what loses none still is', async () => {
    way.cut()
    try {
      const answer = await send(address, 'GET', '/api/user/user_1', { headers: service.as('ada') })
      expect(answer.status).toBe(200)
    } finally {
      way.restore()
    }
  })
})

describe('POST /api/users/reset of many', () => {
  const scanNow = async () => {
    const { body } = await service.app.inject({ url: '/sync', headers: service.as('root') })
    return JSON.parse(body).scan
  }
  const reset = () => {
    const { hostname, port } = new URL(address)
    const { username, password } = service.panel.sudo
    const { access_token: token } = service.panel.tokens.logIn(new URLSearchParams({ username, password }))
    const headers = { authorization: `Bearer ${token}` }
    return request({ hostname, port, method: 'POST', path: '/api/users/reset', headers, agent: false }).end()
  }

  test('is not forwarded when its caller goes away meanwhile', async () => {
    const sent = reset()
    sent.on('error', () => {})
    const atPageThree = new Promise<void>((resolve) => {
      service.panel.faults.add({
        kind: 'hook',
        method: 'GET',
        path: '/api/users',
        skip: 2,
        times: 1,
        before: async () => {
          const closed = new Promise((done) => sent.on('close', done))
          sent.destroy()
          await closed
          resolve()
        },
      })
    })
    await atPageThree
    await expect.poll(async () => (await scanNow()).running).toBe(false)
    const asked = service.takeAsked()
    expect(asked).not.toContain('POST /api/users/reset')
    expect(asked.filter((call) => call === 'GET /api/users').length).toBeLessThan(6)
    expect(service.panel.state.mustFind('user_1').used).toBe(10n)
  })

  test('reads page by page, shows how far it is, and answers when all is done', async () => {
    const progress: unknown[] = []
    service.panel.faults.add({
      kind: 'hook',
      method: 'GET',
      path: '/api/users',
      skip: 5,
      times: 1,
      before: async () => {
        const scan = await scanNow()
        progress.push([scan.running, scan.users_done, scan.users_total])
      },
    })
    const [response] = await once(reset(), 'response')
    expect(response.statusCode).toBe(200)
    expect(progress).toEqual([[true, expect.any(Number), 1_000]])
    const asked = service.takeAsked()
    // Pages of 100, each beginning with the last user of the one before.
    const at = asked.indexOf('POST /api/users/reset')
    const pages = (calls: string[]) => calls.filter((call) => call === 'GET /api/users').length
    expect([pages(asked.slice(0, at)), pages(asked.slice(at))]).toEqual([11, 0])
    expect(service.logged).toContainEqual(expect.objectContaining({ msg: 'scanned 1000 of 1000 users' }))
    const { counted } = await service.db
      .selectFrom('tenures')
      .select(({ fn }) => fn.sum<bigint>('counted').as('counted'))
      .executeTakeFirstOrThrow()
    expect(BigInt(counted)).toBe(10_000n)
  })
})
