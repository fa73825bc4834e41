import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { LedgerError } from '../../../src/errors.ts'
import { beginFrontReading } from '../../../src/store/collecting/front-readings.ts'
import { recordPoll, recordPollFailure } from '../../../src/store/collecting/panel-poll.ts'
import { beginRound, finishRound, reportingRound } from '../../../src/store/collecting/scan-round.ts'
import { beginScan, failScan } from '../../../src/store/collecting/scans.ts'
import { recordUnreadable } from '../../../src/store/collecting/unreadable-items.ts'
import { drawAsked } from '../../../src/store/connection/logical-clock.ts'
import { carryOut } from '../../../src/store/connection/together.ts'
import { transact } from '../../../src/store/connection/transact.ts'
import { scanDueAdmins } from '../../../src/work/collecting/scan-round.ts'
import { startTestService, type TestService, withKey } from '../service.ts'

let service: TestService
beforeEach(async () => {
  service = await startTestService({
    admins: [{ username: 'root', isSudo: true }, { username: 'ana' }],
  })
})
afterEach(() => service.close())

const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
const get = async () => (await service.app.inject({ url: '/sync', headers: withKey })).json()

test('sync says that nothing is read yet', async () => {
  expect(await get()).toEqual({
    requested_at: null,
    failures: [],
    front: [],
    suspicious: [],
    unreadable: [],
    unreadable_total: 0,
    poll: {
      pending: false,
      asked_at: null,
      answered_at: null,
      took_ms: null,
      succeeded_at: null,
      admins: null,
      panel_counts_admins: null,
      error: null,
    },
    scan: {
      pending: 0,
      running: false,
      started_at: null,
      finished_at: null,
      took_ms: null,
      admins_done: 0,
      admins_total: 0,
      users_done: 0,
      users_total: 0,
      failed: [],
    },
  })
})

test('sync shows when the last poll ran, how long it took, and why it failed', async () => {
  await service.poll()
  const { poll } = await get()
  expect(poll).toEqual({
    pending: false,
    asked_at: time,
    answered_at: time,
    took_ms: Date.parse(poll.answered_at) - Date.parse(poll.asked_at),
    succeeded_at: poll.asked_at,
    admins: 2,
    panel_counts_admins: true,
    error: null,
  })
  const asked = await drawAsked(service.db)
  await recordPollFailure(service.db, asked, new LedgerError('panel_bad_answer', 'The panel answered HTML.'))
  expect((await get()).poll).toMatchObject({
    asked_at: asked.at.toISOString(),
    succeeded_at: poll.asked_at,
    error: { code: 'panel_bad_answer', detail: 'The panel answered HTML.' },
  })
})

test('sync shows the progress of a scan, and the admins whose scan failed', async () => {
  await service.poll()
  const id = await service.idOf('ana')
  await beginRound(service.db, { admins: 2, users: 0 })
  const progress = { adminsDone: 1, adminsTotal: 2, usersDone: 100, usersTotal: 250 }
  await carryOut(service.db, reportingRound(service.db, progress, 0n))
  await beginScan(service.db, id, 0n)
  await failScan(service.db, id, new LedgerError('panel_bad_answer', 'users[3].status is missing.'))
  expect((await get()).scan).toEqual({
    pending: 1,
    running: true,
    started_at: time,
    finished_at: null,
    took_ms: null,
    admins_done: 1,
    admins_total: 2,
    users_done: 100,
    users_total: 250,
    failed: [
      {
        admin: { id: Number(id), username: 'ana' },
        code: 'panel_bad_answer',
        detail: 'users[3].status is missing.',
        started_at: time,
      },
    ],
  })
  await beginScan(service.db, await service.idOf('root'), 0n)
  await finishRound(service.db)
  expect((await get()).scan).toMatchObject({ running: false, finished_at: time, took_ms: expect.any(Number) })
})

test('nothing took less than no time, also where the clock of the database was set back meanwhile', async () => {
  await beginRound(service.db, { admins: 1, users: 0 })
  await sql`update scan_round set started_at = started_at + interval '1 hour'`.execute(service.db)
  await finishRound(service.db)
  const inAnHour = async () => {
    const asked = await drawAsked(service.db)
    return { ...asked, at: new Date(asked.at.getTime() + 3_600_000) }
  }
  await transact(service.db, async (tx) =>
    recordPoll(tx, await inAnHour(), { admins: 2, hasAdminUsage: true }),
  )
  expect(await get()).toMatchObject({ scan: { took_ms: 0 }, poll: { took_ms: 0 } })
  await recordPollFailure(service.db, await inAnHour(), new LedgerError('panel_timeout', 'No answer.'))
  expect((await get()).poll).toMatchObject({ took_ms: 0, error: { code: 'panel_timeout' } })
})

test('POST /sync starts a sync and names the path of its progress', async () => {
  const answer = await service.app.inject({ method: 'POST', url: '/sync', headers: service.as('root') })
  expect(answer.statusCode).toBe(202)
  expect(answer.headers.location).toBe('/sync')
  expect(answer.json()).toEqual(await get())
  expect(answer.json()).toMatchObject({ requested_at: time, poll: { pending: true }, scan: { pending: 0 } })
  expect(service.syncs()).toBe(1)
})

/** The fields to check when waiting for POST /sync. */
type Sync = { requested_at: string; poll: { pending: boolean }; scan: Record<string, number | string> }
const isOver = ({ poll, scan }: Sync) => !poll.pending && scan.pending === 0 && !scan.running

test('a requested sync is over when everything is read, and not earlier', async () => {
  for (const admin of ['ana', 'root']) service.panel.state.createUser(`of_${admin}`, { admin })
  await service.poll()
  await scanDue()
  expect(isOver(await get())).toBe(true)
  const answer = await service.app.inject({ method: 'POST', url: '/sync', headers: withKey })
  const seen: Sync[] = [answer.json(), await get()]
  const look = async () => void seen.push(await get())
  for (const path of ['/api/admins', '/api/users'])
    service.panel.faults.add({ kind: 'hook', path, before: look, after: look })
  await service.poll()
  await look()
  await scanDue(look)
  expect(seen.length).toBeGreaterThan(10)
  expect(seen.filter(isOver)).toEqual([])
  for (const { scan, requested_at: at } of seen) {
    expect(at).toBe(answer.json().requested_at)
    expect(scan.admins_done).toBeLessThanOrEqual(Number(scan.admins_total))
    expect(scan.admins_total).toBeLessThanOrEqual(2)
    expect(scan.users_done).toBeLessThanOrEqual(Number(scan.users_total))
  }
  const during = seen.filter(({ scan }) => scan.running).map(({ scan }) => scan.admins_done)
  expect(during).toEqual(during.toSorted())
  expect(during[0]).toBe(0)
  const after = await get()
  expect(isOver(after)).toBe(true)
  expect(Date.parse(after.scan.finished_at)).toBeGreaterThanOrEqual(Date.parse(after.requested_at))
})

test('a sync that is requested during a round reads everything again and counts nobody twice', async () => {
  await service.poll()
  await scanDue()
  const again = () => service.app.inject({ method: 'POST', url: '/sync', headers: withKey })
  await again()
  service.panel.faults.add({
    kind: 'hook',
    path: '/api/users',
    skip: 1,
    times: 1,
    before: async () => void (await again()),
  })
  const seen: Sync['scan'][] = []
  await scanDue(async () => void seen.push((await get()).scan))
  expect(seen.map(({ admins_total: total }) => total)).toEqual(seen.map(() => 2))
  await service.poll()
  const { scan } = await get()
  expect(scan).toMatchObject({ pending: 0, running: false, admins_done: 2, admins_total: 2 })
})

test('a sync stays pending while the panel does not answer', async () => {
  await service.poll()
  await service.app.inject({ method: 'POST', url: '/sync', headers: withKey })
  const asked = await drawAsked(service.db)
  await recordPollFailure(service.db, asked, new LedgerError('panel_timeout', 'The panel did not answer.'))
  expect(await get()).toMatchObject({ poll: { pending: true, error: { code: 'panel_timeout' } } })
  await service.poll()
  expect(await get()).toMatchObject({ poll: { pending: false, error: null }, scan: { pending: 2 } })
})

test('sync shows readings of the front apart from the scans', async () => {
  service.panel.state.createUser('of_ana', { admin: 'ana' })
  await service.poll()
  await scanDue()
  const { scan } = await get()
  const during: unknown[] = []
  service.panel.faults.add({
    kind: 'hook',
    path: '/api/users/reset',
    before: async () => void during.push((await get()).front),
  })
  service.panel.faults.add({
    kind: 'hook',
    path: '/api/users',
    before: async () => void during.push((await get()).front),
  })
  const answer = await service.app.inject({
    method: 'POST',
    url: '/api/users/reset',
    headers: service.as('root'),
  })
  expect(answer.statusCode).toBe(200)
  const reading = { purpose: 'reset_users', admin: 'root', started_at: time }
  expect(during).toEqual([
    [{ ...reading, running: true, finished_at: null, users_done: 0, users_total: null }],
    [{ ...reading, running: false, finished_at: time, users_done: 0, users_total: 0 }],
  ])
  expect((await get()).scan).toEqual(scan)
})

test('a reading of the front is not running after its service was killed', async () => {
  await beginFrontReading(service.db, { purpose: 'reset_users', username: null, worker: '1 2.5' })
  expect((await get()).front).toMatchObject([{ admin: null, running: false, finished_at: null }])
})

async function scanDue(look = async () => {}): Promise<void> {
  const reading = { ...service.reading, rest: look, signal: new AbortController().signal }
  await scanDueAdmins(reading, { intervalSeconds: 600, onProgress: () => {}, onFailure: () => {} })
}

test('sync lists the latest hundred unreadable users and admins, and their number', async () => {
  const { db } = service
  const entries = Array.from({ length: 101 }, (_, index) => ({
    kind: 'user' as const,
    name: index === 100 ? 'x'.repeat(5_000) : `odd${index}`,
    adminId: null,
    reason: 'lifetime_used_traffic is no number',
  }))
  await recordUnreadable(db, await drawAsked(db), entries)
  await recordUnreadable(db, await drawAsked(db), [
    { kind: 'admin', name: '', adminId: null, reason: 'username is empty' },
  ])
  const { unreadable, unreadable_total: total } = await get()
  expect(total).toBe(102)
  expect(unreadable).toHaveLength(100)
  expect(unreadable[0]).toEqual({
    kind: 'admin',
    name: null,
    reason: 'username is empty',
    since: expect.stringMatching(/Z$/),
  })
  expect(unreadable[1].name).toHaveLength(303)
})
