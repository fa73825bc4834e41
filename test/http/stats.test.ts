import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LedgerError } from '../../src/errors.ts'
import { panelUser } from './panel.ts'
import { as, startTestService, type TestService, withKey } from './service.ts'

const large = 2n ** 62n + 1n
const ana = { username: 'ana', isSudo: false, usersUsage: 1_000n }
const old = { username: 'old', isSudo: false, usersUsage: null }
let now: number
let service: TestService
let id: bigint

beforeEach(async () => {
  now = Date.now()
  service = await startTestService({ admins: [ana, old], now: () => now })
  await service.poll()
  id = await service.idOf('ana')
  service.panel.calls.length = 0
})
afterEach(() => service.close())

const get = (tail = '', admin: bigint | string = id) =>
  service.app.inject({ url: `/admins/${admin}/stats${tail}`, headers: withKey })
const consume = (usersUsage: bigint) => service.panel.knownAdmins.set('ana', { ...ana, usersUsage })

describe('GET /admins/{id}/stats', () => {
  it('tells the figures', async () => {
    await service.observe(
      panelUser('a', ana, { lifetimeUsedTraffic: 600n }),
      panelUser('b', ana, { lifetimeUsedTraffic: 100n, status: 'expired' }),
      panelUser('c', ana, { lifetimeUsedTraffic: 50n, status: 'limited' }),
    )
    await service.lose('c')
    const answer = await get()
    expect(answer.statusCode).toBe(200)
    expect(answer.json()).toEqual({
      admin: { id: Number(id), username: 'ana', is_sudo: false, state: 'open' },
      total_traffic: 1_000,
      current_traffic: 700,
      preserved_traffic: 50,
      unattributed_traffic: 250,
      users: { total: 2, active: 1, disabled: 0, limited: 0, expired: 1, on_hold: 0, deleted: 1 },
      limit: null,
      as_of: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      stale: false,
    })
    const own = await service.app.inject({ url: '/admins/me/stats', headers: as('ana') })
    expect(own.json()).toEqual(answer.json())
  })

  it('tells bytes beyond what a double holds, exactly', async () => {
    consume(large)
    await service.poll()
    await service.observe(panelUser('a', ana, { lifetimeUsedTraffic: large - 2n }))
    const { body } = await get()
    expect(body).toContain(`"total_traffic":${large},"current_traffic":${large - 2n},`)
    expect(body).toContain('"unattributed_traffic":2,')
  })

  it('does not ask the panel when nobody wants to', async () => {
    consume(2_000n)
    expect((await get()).json()).toMatchObject({ total_traffic: 1_000, stale: false })
    expect(service.panel.calls).toEqual([])
  })
})

describe('max_age', () => {
  it('renews figures that are older, and only those', async () => {
    consume(2_000n)
    now += 20_000
    expect((await get('?max_age=3600')).json()).toMatchObject({ total_traffic: 1_000, stale: false })
    expect(service.panel.calls).toEqual([])
    const before = (await get()).json().as_of
    const renewed = (await get('?max_age=10')).json()
    expect(renewed).toMatchObject({ total_traffic: 2_000, stale: false })
    expect(Date.parse(renewed.as_of)).toBeGreaterThan(Date.parse(before))
    expect(service.panel.calls).toEqual(['admins'])
  })

  it('lets callers of the same moment share one request to the panel', async () => {
    consume(3_000n)
    const release = service.panel.hold()
    const answers = Array.from({ length: 20 }, () => get('?max_age=0').then((answer) => answer))
    await expect.poll(() => service.panel.calls.length).toBe(1)
    // All have come by now: each one's look at the account went through the same pool before this one's.
    await get()
    release()
    for (const answer of await Promise.all(answers)) {
      expect(answer.json()).toMatchObject({ total_traffic: 3_000, stale: false })
    }
    expect(service.panel.calls).toEqual(['admins'])
  })

  it('answers with the last known figures when the panel does not', async () => {
    const before = (await get()).json()
    consume(2_000n)
    service.panel.failWith(new LedgerError('panel_timeout', 'The panel did not answer in time.'))
    now += 1_000
    const answer = await get('?max_age=0')
    expect(answer.statusCode).toBe(200)
    expect(answer.json()).toEqual({ ...before, stale: true })
    expect(service.logged).toContainEqual(expect.objectContaining({ code: 'panel_timeout' }))
    service.panel.failWith(null)
    expect((await get('?max_age=0')).json()).toMatchObject({ total_traffic: 2_000, stale: false })
  })

  it('calls figures stale that only a scan can renew', async () => {
    const other = await service.idOf('old')
    expect((await get('?max_age=0', other)).json()).toMatchObject({
      total_traffic: 0,
      as_of: null,
      stale: true,
    })
  })
})

it('calls figures stale once the collector has missed several rounds', async () => {
  expect((await get()).json().stale).toBe(false)
  now += 50_000
  expect((await get()).json().stale).toBe(true)
})
