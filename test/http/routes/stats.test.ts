import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { drawAsked } from '../../../src/store/connection/logical-clock.ts'
import { startTestService, type TestService, withKey } from '../service.ts'

const large = 2n ** 53n + 1n
const ana = { username: 'ana', usage: 1_000n }
let service: TestService
let id: bigint

beforeEach(async () => {
  service = await startTestService({ admins: [ana] })
  await service.poll()
  id = await service.idOf('ana')
  service.takeAsked()
})
afterEach(() => service.close())

const counters = 'GET /api/admins'
const get = (tail = '') => service.app.inject({ url: `/admins/${id}/stats${tail}`, headers: withKey })
/** Makes all readings so many seconds older. */
const age = async (seconds: number) => {
  const earlier = sql`interval '1 second' * ${seconds}`
  await sql`update panel_poll set succeeded_asked_at = succeeded_asked_at - ${earlier}`.execute(service.db)
  await sql`update cumulative_traffic set read_at = read_at - ${earlier}`.execute(service.db)
}
/** Sets the panel's counter of the admin to `usage`. */
const consume = (usage: bigint) => {
  const admin = service.panel.state.admins.get('ana')
  if (admin) admin.usage = usage
}

describe('GET /admins/{id}/stats', () => {
  test('stats have all figures', async () => {
    const { state } = service.panel
    state.createUser('a', { admin: 'ana', lifetime: 600n })
    state.createUser('b', { admin: 'ana', lifetime: 100n, status: 'expired' })
    state.createUser('c', { admin: 'ana', lifetime: 50n, status: 'limited' })
    await service.scan()
    state.deleteUser('c')
    await service.scan()
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
    const own = await service.app.inject({ url: '/admins/me/stats', headers: service.as('ana') })
    expect(own.json()).toEqual(answer.json())
  })

  test('figures above 2^53 are exact', async () => {
    // The panel's numbers stay below 2^53. A reset lifts the total above it.
    consume(large - 2n)
    await service.poll()
    consume(0n)
    await service.poll()
    consume(2n)
    await service.poll()
    service.panel.state.createUser('a', { admin: 'ana', lifetime: large - 2n })
    await service.scan()
    const { body } = await get()
    expect(body).toContain(`"total_traffic":${large},"current_traffic":${large - 2n},`)
    expect(body).toContain('"unattributed_traffic":2,')
  })

  test('stats without max_age do not ask the panel', async () => {
    consume(2_000n)
    expect((await get()).json()).toMatchObject({ total_traffic: 1_000, stale: false })
    expect(service.takeAsked()).toEqual([])
  })
})

describe('max_age', () => {
  test('max_age renews only older figures', async () => {
    consume(2_000n)
    await age(20)
    expect((await get('?max_age=3600')).json()).toMatchObject({ total_traffic: 1_000, stale: false })
    expect(service.takeAsked()).toEqual([])
    const before = (await get()).json().as_of
    const renewed = (await get('?max_age=10')).json()
    expect(renewed).toMatchObject({ total_traffic: 2_000, stale: false })
    expect(Date.parse(renewed.as_of)).toBeGreaterThan(Date.parse(before))
    expect(service.takeAsked()).toEqual([counters])
  })

  test('callers at the same moment share one request to the panel', async () => {
    consume(3_000n)
    const { promise: released, resolve: release } = Promise.withResolvers<void>()
    let asked = 0
    const before = () => {
      asked += 1
      return released
    }
    service.panel.faults.add({ kind: 'hook', path: '/api/admins', before })
    const uses = service.databaseUses()
    const answers = Array.from({ length: 20 }, () => get('?max_age=0').then((answer) => answer))
    // All calls have read the age of their account with one statement, and one has drawn a tick.
    await expect
      .poll(() => ({ asked, uses: service.databaseUses() - uses }), { timeout: 10_000 })
      .toEqual({ asked: 1, uses: 2 })
    release()
    for (const answer of await Promise.all(answers)) {
      expect(answer.json()).toMatchObject({ total_traffic: 3_000, stale: false })
    }
    expect(service.takeAsked()).toEqual([counters])
  })

  test('a caller does not share a request that was sent before its figures may be', async () => {
    const { promise: released, resolve: release } = Promise.withResolvers<void>()
    let asked = 0
    const before = () => {
      asked += 1
      return asked === 1 ? released : undefined
    }
    service.panel.faults.add({ kind: 'hook', path: '/api/admins', before })
    const first = get('?max_age=0').then((answer) => answer)
    await expect.poll(() => asked).toBe(1)
    const { at: since } = await drawAsked(service.db)
    const uses = service.databaseUses()
    const later = [1, 2].map(() => get('?max_age=0').then((answer) => answer))
    await expect.poll(() => service.databaseUses() - uses).toBeGreaterThan(0)
    release()
    for (const answer of await Promise.all(later)) {
      const { stale, as_of: asOf } = answer.json()
      expect(stale).toBe(false)
      expect(Date.parse(asOf)).toBeGreaterThanOrEqual(since.getTime())
    }
    expect((await first).json().stale).toBe(false)
    expect(service.takeAsked()).toEqual([counters, counters])
  })

  test('a reading is repeated that overlapped a poll from before the call', async () => {
    consume(2_000n)
    const { promise: released, resolve: release } = Promise.withResolvers<void>()
    const { promise: polled, resolve: noteAsked } = Promise.withResolvers<void>()
    const hook = { kind: 'hook', path: '/api/admins', times: 1 } as const
    const holdPoll = () => {
      noteAsked()
      return released
    }
    service.panel.faults.add({ ...hook, before: holdPoll })
    const polling = service.poll()
    await polled
    const { at: since } = await drawAsked(service.db)
    const endPoll = () => {
      release()
      return polling
    }
    service.panel.faults.add({ ...hook, before: endPoll })
    const { total_traffic: total, stale, as_of: asOf } = (await get('?max_age=0')).json()
    expect([total, stale]).toEqual([2_000, false])
    expect(Date.parse(asOf)).toBeGreaterThanOrEqual(since.getTime())
  })

  test('figures from the future are renewed: the clock of the database was set back since', async () => {
    consume(2_000n)
    await age(-3_600)
    expect((await get('?max_age=60')).json()).toMatchObject({ total_traffic: 2_000, stale: false })
    expect(service.takeAsked()).toEqual([counters])
    service.panel.faults.add({ kind: 'hang', path: '/api/admins' })
    expect((await get('?max_age=60')).json()).toMatchObject({ total_traffic: 2_000, stale: true })
  })

  test('if the panel does not answer, the last known figures are the answer', async () => {
    const before = (await get()).json()
    consume(2_000n)
    service.panel.faults.add({ kind: 'hang', path: '/api/admins' })
    const answer = await get('?max_age=0')
    expect(answer.statusCode).toBe(200)
    expect(answer.json()).toEqual({ ...before, stale: true })
    expect(service.logged).toContainEqual(expect.objectContaining({ code: 'panel_timeout' }))
    service.panel.faults.clear()
    expect((await get('?max_age=0')).json()).toMatchObject({ total_traffic: 2_000, stale: false })
  })

  test('figures that only a scan can renew any more, since the panel has stopped to count, are stale', async () => {
    await service.scan()
    const body = JSON.stringify([
      { username: 'ana', is_sudo: false, telegram_id: null, discord_webhook: null },
    ])
    service.panel.faults.add({ kind: 'answer', method: 'GET', path: '/api/admins', status: 200, body })
    await age(60)
    await service.poll()
    const answer = (await get('?max_age=10')).json()
    expect(answer).toMatchObject({ total_traffic: 1_000, stale: true })
    // The poll has seen none of its traffic.
    expect(Date.now() - Date.parse(answer.as_of)).toBeGreaterThan(59_000)
  })

  test('figures that only a scan can renew are stale', async () => {
    const older = await startTestService({ admins: [ana], hasUsage: false })
    await older.poll()
    const url = `/admins/${await older.idOf('ana')}/stats?max_age=0`
    const answer = await older.app.inject({ url, headers: withKey })
    await older.close()
    expect(answer.json()).toMatchObject({ total_traffic: 0, as_of: null, stale: true })
  })
})

test.each([
  ['is odd', { users_usage: 1.5 }],
  ['is missing, and those of others are not', { users_usage: undefined }],
  ['may be that of an admin without a name', { username: undefined }],
])('a poll does not make figures fresh whose counter %s', async (_, shown) => {
  const admin = service.panel.state.admins.get('ana')
  if (!admin) throw new Error('no ana')
  service.panel.state.createAdmin('ben')
  await age(50)
  const before = (await get()).json()
  admin.shown = shown
  await service.poll()
  service.takeAsked()
  expect((await get()).json()).toEqual({ ...before, stale: true })
  expect((await get('?max_age=40')).json()).toEqual({ ...before, stale: true })
  expect(service.takeAsked()).toEqual([counters])
  delete admin.shown
  await service.poll()
  const after = (await get()).json()
  expect(after.stale).toBe(false)
  expect(Date.parse(after.as_of)).toBeGreaterThan(Date.parse(before.as_of))
})

test('figures are as old as the last scan when the panel counts by admin no more, as an older Marzban', async () => {
  const admin = service.panel.state.admins.get('ana')
  if (!admin) throw new Error('no ana')
  await age(700)
  const before = (await get()).json()
  admin.shown = { users_usage: undefined }
  await service.poll()
  expect((await get()).json()).toEqual({ ...before, stale: false })
  expect((await get('?max_age=600')).json()).toEqual({ ...before, stale: true })
  service.panel.state.createUser('a', { admin: 'ana', lifetime: 600n })
  await service.scan()
  const after = (await get('?max_age=600')).json()
  expect(after).toMatchObject({ current_traffic: 600, stale: false })
  expect(Date.parse(after.as_of)).toBeGreaterThan(Date.parse(before.as_of))
})

test('the age of figures follows the clock of the database, not that of this machine', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3_600_000 })
  onTestFinished(() => void vi.useRealTimers())
  expect((await get()).json().stale).toBe(false)
  expect((await get('?max_age=60')).json().stale).toBe(false)
  expect(service.takeAsked()).toEqual([])
})

test('figures are stale after the collector missed several rounds', async () => {
  expect((await get()).json().stale).toBe(false)
  await age(50)
  expect((await get()).json().stale).toBe(true)
})
