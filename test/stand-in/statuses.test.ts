import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { activateByBot, resetByStrategy, reviewUsers } from './jobs.ts'
import type { NewUser } from './records.ts'
import { loadRecordings, replay, steady } from './replay.ts'
import { type PanelOptions, type StandInPanel, startPanel } from './start.ts'
import { PanelState } from './state.ts'

const second = 1_000
const day = 86_400 * second

describe('the recording of statuses', () => {
  const recordedAt = Date.parse('2026-11-26T00:05:30Z')
  let panel: StandInPanel
  beforeAll(async () => {
    panel = await startPanel({ sudo: { username: 'root', password: 'secret' }, now: () => recordedAt })
    for (const name of ['ada', 'ben']) panel.state.createAdmin(name, { password: 'secret' })
  })
  afterAll(() => panel.close())

  const over = { status: 'limited', used: 5_000n, dataLimit: 1_000 }
  const named = (from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, index) => `t${String(from + index).padStart(3, '0')}`)

  /** What the recorder wrote into the panel's database about a user; its lists of exchanges tell when. */
  function written(recordedExpire: (name: string) => number | null): Record<string, object> {
    return {
      ...Object.fromEntries(named(33, 48).map((name) => [name, over])),
      ...Object.fromEntries(
        named(49, 64).map((name) => [name, { status: 'expired', expire: recordedExpire(name) }]),
      ),
      t093: over,
      t094: { status: 'expired', expire: recordedExpire('t094') },
      t096: { onlineAt: '2026-11-26T01:05:17' },
      t097: { onHoldTimeout: '2026-11-25T23:05:17' },
      t098: { used: 2_000n },
      t099: { expire: recordedExpire('t099') },
      t100: { used: 2_000n },
      t101: over,
    }
  }
  /** How often the review job has run before an exchange, by the times at which users were created. */
  const reviews: Record<number, number> = { 352: 12, 389: 1 }

  test('is answered as the real panel answered', async () => {
    const recordings = await loadRecordings('06-statuses')
    const firstSeen = (name: string) =>
      recordings.find(({ request }) => request.method === 'GET' && request.path === `/api/user/${name}`)
    const writes = written(
      (name) => (firstSeen(name)?.response.body as { expire: number } | undefined)?.expire ?? null,
    )
    const logIn = (username: string) =>
      panel.tokens.logIn(new URLSearchParams({ username, password: 'secret' })).access_token
    const tokens = Object.fromEntries(['root', 'ada', 'ben'].map((name) => [name, logIn(name)]))
    for (const [index, { request, response }] of recordings.entries()) {
      for (let run = reviews[index] ?? 0; run > 0; run -= 1) reviewUsers(panel.state)
      const answer = await replay(panel.url, tokens, request)
      const name = `#${index}: ${request.method} ${request.path} ${JSON.stringify(request.json)}`
      expect(answer.status, name).toBe(response.status)
      expect(answer.headers, name).toMatchObject(response.headers)
      // Of users the recording keeps the fields that have to do with their status.
      if (typeof response.body === 'string') expect(answer.body, name).toBe(response.body)
      else expect(steady(answer.body), name).toMatchObject(steady(response.body) as object)
      const created = request.path === '/api/user' ? (request.json as { username: string }).username : ''
      if (response.status === 200) Object.assign(panel.state.users.get(created) ?? {}, writes[created])
    }
  })
})

/** A panel without its API, at a time that the test moves. */
function begin(options: PanelOptions = {}) {
  let now = Date.parse('2026-03-01T00:00:00Z')
  const state = new PanelState({ now: () => now, ...options })
  state.createAdmin('ana')
  const pass = (ms: number) => {
    now += ms
  }
  const newUser = (given: NewUser = {}) => state.createUser('usr1', { admin: 'ana', ...given })
  return { state, pass, newUser, seconds: () => now / 1000 }
}

const plan = { data_limit: 700, expire: null, add_remaining_traffic: true, fire_on_either: true }

describe('the review job', () => {
  test('limits a user at its limit, and one byte before it does nothing', () => {
    const { state, newUser } = begin()
    const user = newUser({ dataLimit: 1_000 })
    state.accrue('usr1', 999)
    reviewUsers(state)
    expect(user.status).toBe('active')
    state.accrue('usr1', 1)
    reviewUsers(state)
    expect(user.status).toBe('limited')
  })

  test('expires a user at its very second', () => {
    const { state, newUser, pass, seconds } = begin()
    const user = newUser({ expire: seconds() + 10 })
    pass(9 * second)
    reviewUsers(state)
    expect(user.status).toBe('active')
    pass(second)
    reviewUsers(state)
    expect(user.status).toBe('expired')
  })

  test('carries out a queued plan in place of limiting', () => {
    const { state, newUser } = begin()
    const user = newUser({ dataLimit: 1_000, nextPlan: plan, lifetime: 1_500n })
    reviewUsers(state)
    expect(user).toMatchObject({ status: 'active', used: 0n, past: 1_500n, dataLimit: 700n, nextPlan: null })
  })

  test('keeps a plan that fires on both ends until both are reached', () => {
    const { state, newUser, pass, seconds } = begin()
    const nextPlan = { ...plan, fire_on_either: false }
    const user = newUser({ dataLimit: 1_000, nextPlan, lifetime: 1_500n, expire: seconds() + 5 })
    const other = state.createUser('usr2', {
      dataLimit: 1_000,
      nextPlan,
      lifetime: 1_500n,
      expire: seconds(),
    })
    reviewUsers(state)
    expect([user.status, user.nextPlan, other.status]).toEqual(['limited', nextPlan, 'active'])
    pass(10 * second)
    reviewUsers(state)
    expect(user.status).toBe('limited')
  })

  test('never looks at a user that is disabled', () => {
    const { state, newUser, seconds } = begin()
    const user = newUser({ status: 'disabled', expire: seconds(), nextPlan: plan })
    reviewUsers(state)
    expect([user.status, user.nextPlan]).toEqual(['disabled', plan])
  })

  test('begins a user on hold that has connected since it was edited: its time runs from then', () => {
    const { state, newUser, seconds } = begin()
    const user = newUser({ status: 'on_hold', onHoldExpireDuration: 60 })
    reviewUsers(state)
    expect(user.status).toBe('on_hold')
    expect(state.consume(user, 5)).toBe('booked')
    reviewUsers(state)
    expect(user).toMatchObject({ status: 'active', expire: seconds() + 60, onHoldExpireDuration: null })
  })

  test('begins a user on hold whose timeout is over', () => {
    const { state, newUser, pass } = begin()
    const onHoldTimeout = '2026-03-01T00:01:00'
    const user = newUser({ status: 'on_hold', onHoldExpireDuration: 60, onHoldTimeout })
    pass(59 * second)
    reviewUsers(state)
    expect(user.status).toBe('on_hold')
    pass(second)
    reviewUsers(state)
    expect(user.status).toBe('active')
  })

  test.each([
    ['a plan that leaves a negative limit', { dataLimit: 1_000, lifetime: 9_000n }],
    ['a plan of a user that has no limit', { expire: 1 }],
  ])('stumbles over %s, and reviews nobody after it', (_, given) => {
    const { state, newUser } = begin()
    newUser({ ...given, nextPlan: { ...plan, add_remaining_traffic: false } })
    const after = state.createUser('usr2', { expire: 1 })
    reviewUsers(state)
    expect(after.status).toBe('active')
  })
})

describe('the hourly reset', () => {
  test('makes a limited user active when the days of its strategy have passed, and drops its plan', () => {
    const { state, newUser, pass } = begin()
    const user = newUser({ status: 'limited', resetStrategy: 'day', lifetime: 9n, nextPlan: plan })
    pass(day - 1)
    resetByStrategy(state)
    expect(user.status).toBe('limited')
    pass(1)
    resetByStrategy(state)
    expect(user).toMatchObject({ status: 'active', used: 0n, past: 9n, nextPlan: null })
    pass(day - 1)
    user.status = 'limited'
    resetByStrategy(state)
    expect(user.status).toBe('limited')
  })

  test.each([
    ['week', 7],
    ['month', 30],
    ['year', 365],
  ])('counts a %s as %i days', (resetStrategy, days) => {
    const { state, newUser, pass } = begin()
    const user = newUser({ status: 'limited', resetStrategy })
    pass(days * day - 1)
    resetByStrategy(state)
    expect(user.status).toBe('limited')
    pass(1)
    resetByStrategy(state)
    expect(user.status).toBe('active')
  })

  test.each(['disabled', 'expired', 'on_hold'])('leaves a user that is %s alone', (status) => {
    const { state, newUser, pass } = begin()
    const user = newUser({ status, resetStrategy: 'day', lifetime: 9n })
    pass(2 * day)
    resetByStrategy(state)
    expect([user.status, user.used]).toEqual([status, 9n])
  })
})

test('the Telegram bot activates a disabled user, and its plan is gone', () => {
  const { state, newUser } = begin()
  const user = newUser({ status: 'disabled', nextPlan: plan })
  activateByBot(state, 'usr1')
  expect([user.status, user.nextPlan]).toEqual(['active', null])
})

describe('traffic', () => {
  test('of an open connection goes on when the user is disabled, until the client goes', () => {
    const { state, newUser } = begin()
    const user = newUser()
    expect(state.consume(user, 5)).toBe('booked')
    user.status = 'disabled'
    expect(state.consume(user, 5)).toBe('booked')
    state.xray.disconnect(user)
    expect(state.consume(user, 5)).toBe('refused')
    expect(user.used).toBe(10n)
  })

  test('of an open connection is booked nowhere when the user is deleted', () => {
    const { state, newUser } = begin()
    const user = newUser()
    state.consume(user, 5)
    state.deleteUser('usr1')
    const second = newUser()
    expect(state.consume(user, 7)).toBe('lost')
    expect([second.used, state.admins.get('ana')?.usage]).toEqual([0n, 5n])
  })

  test.each(['disabled', 'limited', 'expired'])('of a user that is %s is refused', (status) => {
    const { state, newUser } = begin()
    expect(state.consume(newUser({ status }), 5)).toBe('refused')
  })

  test('of a user that the core was not told of is refused until it is edited', async () => {
    const panel = await startPanel({ serving: 'as told' })
    const { access_token } = panel.tokens.logIn(new URLSearchParams(panel.sudo))
    const call = (method: string, path: string, body?: object) =>
      fetch(panel.url + path, {
        method,
        headers: { authorization: `Bearer ${access_token}` },
        ...(body && { body: JSON.stringify(body) }),
      })
    const user = panel.state.createUser('usr1', { dataLimit: 10, nextPlan: plan, lifetime: 10n })
    reviewUsers(panel.state)
    panel.state.users.set('usr1', Object.assign(user, { status: 'limited', nextPlan: plan }))
    panel.state.xray.tell(user)
    expect((await call('POST', '/api/user/usr1/active-next')).status).toBe(404)
    expect([user.status, panel.state.consume(user, 1)]).toEqual(['active', 'refused'])
    await call('PUT', '/api/user/usr1', { note: 'again' })
    expect(panel.state.consume(user, 1)).toBe('booked')
    panel.state.xray.disconnect(user)
    panel.state.xray.forget(user)
    expect(panel.state.consume(user, 1)).toBe('refused')
    await panel.close()
  })
})
