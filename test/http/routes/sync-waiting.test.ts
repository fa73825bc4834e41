import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { lastRequest } from '../../../src/store/collecting/scan-round.ts'
import { requestScans } from '../../../src/store/collecting/scans.ts'
import { scanDueAdmins } from '../../../src/work/collecting/scan-round.ts'
import { startTestService, type TestService, withKey } from '../service.ts'

type Sync = {
  requested_at: string
  poll: { pending: boolean }
  scan: {
    pending: number
    running: boolean
    started_at: string | null
    finished_at: string | null
    took_ms: number | null
    admins_done: number
    admins_total: number
    users_done: number
    users_total: number
  }
  front: object[]
}

let service: TestService
beforeEach(async () => {
  service = await startTestService({ admins: ['root', 'ana', 'bob'].map((username) => ({ username })) })
  for (const admin of ['root', 'ana', 'bob']) service.panel.state.createUser(`of_${admin}`, { admin })
  await service.poll()
  await scanDue()
})
afterEach(() => service.close())

const get = async (): Promise<Sync> => (await service.app.inject({ url: '/sync', headers: withKey })).json()
const ask = async (): Promise<Sync> =>
  (await service.app.inject({ method: 'POST', url: '/sync', headers: withKey })).json()

async function scanDue(look = async () => {}): Promise<void> {
  const reading = { ...service.reading, rest: look, signal: new AbortController().signal }
  await scanDueAdmins(reading, { intervalSeconds: 600, onProgress: () => {}, onFailure: () => {} })
}

/** Looks at each step of the next poll and the scans after it. */
async function watchAll(): Promise<Sync[]> {
  const seen: Sync[] = []
  const look = async () => void seen.push(await get())
  for (const path of ['/api/admins', '/api/users', '/api/admin']) {
    service.panel.faults.add({ kind: 'hook', path, before: look, after: look })
  }
  await service.poll()
  await look()
  await scanDue(look)
  return seen
}

test.each([
  ['running', ({ scan }: Sync) => !scan.running],
  ['finished_at', ({ scan }: Sync) => scan.finished_at !== null],
  ['took_ms', ({ scan }: Sync) => scan.took_ms !== null],
  ['the counters', ({ scan }: Sync) => scan.admins_done === scan.admins_total],
])('whoever asks and then waits by %s waits until everything is read', async (_field, isOver) => {
  expect(isOver(await get())).toBe(true)
  const asked = await ask()
  const seen = [asked, await get(), ...(await watchAll())]
  const after = await get()
  expect(seen.length).toBeGreaterThan(10)
  const early = seen.filter(isOver)
  // The last admin is read a moment before the round ends.
  expect(early.length).toBeLessThanOrEqual(_field === 'the counters' ? 2 : 0)
  expect(early).toEqual(seen.slice(seen.length - early.length))
  expect(isOver(after)).toBe(true)
  expect(Date.parse(after.scan.finished_at ?? '')).toBeGreaterThanOrEqual(Date.parse(asked.requested_at))
})

test('the counters of what was asked for begin with none and never go back', async () => {
  const seen = [await ask(), await get(), ...(await watchAll()), await get()]
  expect(seen[0]?.scan).toMatchObject({ admins_done: 0, admins_total: 3, users_done: 0, users_total: 3 })
  const done = seen.map(({ scan }) => scan.admins_done)
  expect(done).toEqual(done.toSorted())
  expect(done.at(-1)).toBe(3)
  const users = seen.map(({ scan }) => scan.users_done)
  expect(users).toEqual(users.toSorted())
})

test('so do they when a round is under way: what it has read before does not count', async () => {
  await ask()
  const seen: Sync[] = []
  let steps = 0
  await service.poll()
  await scanDue(async () => {
    steps += 1
    if (steps === 2) seen.push(await ask())
    if (steps >= 2) seen.push(await get())
  })
  seen.push(await get())
  const done = seen.map(({ scan }) => scan.admins_done)
  expect(done[0]).toBe(0)
  expect(done).toEqual(done.toSorted())
  expect(done.at(-1)).toBe(3)
  // The poll that was asked for has not been answered.
  expect(seen.at(-1)).toMatchObject({ poll: { pending: true }, scan: { running: true, finished_at: null } })
  await service.poll()
  expect((await get()).scan).toMatchObject({
    running: false,
    admins_done: 3,
    finished_at: expect.any(String),
  })
})

test('an admin that has appeared is waited for from its first sight on', async () => {
  service.panel.state.createAdmin('new')
  await service.poll()
  expect((await get()).scan).toMatchObject({
    pending: 1,
    running: true,
    started_at: null,
    finished_at: null,
    admins_done: 0,
    admins_total: 1,
  })
  await scanDue()
  expect((await get()).scan).toMatchObject({ running: false, admins_done: 1 })
})

test('the answer of POST /sync has the time of this call, also when another follows at once', async () => {
  const { db } = service
  const before = await lastRequest(db)
  const { answer, later } = await db.transaction().execute(async (tx) => {
    // The state cannot be read until the other call is made.
    await sql`lock table panel_poll in access exclusive mode`.execute(tx)
    const asked = ask()
    await expect.poll(() => lastRequest(db)).not.toBe(before)
    return { answer: asked, later: await requestScans(db) }
  })
  expect(Date.parse((await answer).requested_at)).toBeLessThan(later.getTime())
  expect((await get()).requested_at).toBe(later.toISOString())
})

test('the readings before a reset of all users have a row of their own and move nothing of the scans', async () => {
  const { scan, requested_at: at } = await get()
  const seen: Sync[] = []
  const look = async () => void seen.push(await get())
  for (const path of ['/api/users', '/api/users/reset']) {
    service.panel.faults.add({ kind: 'hook', path, before: look, after: look })
  }
  // The account of the panel's own settings is in no list of admins: it resets the users of all.
  const { access_token: token } = service.panel.tokens.logIn(new URLSearchParams(service.panel.sudo))
  const answer = await service.app.inject({
    method: 'POST',
    url: '/api/users/reset',
    headers: { authorization: `Bearer ${token}` },
  })
  expect(answer.statusCode).toBe(200)
  seen.push(await get())
  expect(seen.length).toBeGreaterThan(3)
  for (const one of seen) expect([one.scan, one.requested_at]).toEqual([scan, at])
  const row = { purpose: 'reset_users', admin: null }
  expect(seen.at(0)?.front).toMatchObject([{ ...row, running: true, users_done: 0, finished_at: null }])
  expect(seen.at(-1)?.front).toMatchObject([
    { ...row, running: false, users_done: 3, users_total: 3, finished_at: expect.any(String) },
  ])
})
