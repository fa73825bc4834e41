import { afterEach, beforeEach, expect, it } from 'vitest'
import { LedgerError } from '../../src/errors.ts'
import { drawAsked } from '../../src/store/clock.ts'
import { recordPollFailure } from '../../src/store/panel-poll.ts'
import { beginRound, finishRound, reportRound } from '../../src/store/scan-round.ts'
import { beginScan, failScan } from '../../src/store/scans.ts'
import { startTestService, type TestService, withKey } from './service.ts'

let service: TestService
beforeEach(async () => {
  service = await startTestService({
    admins: [{ username: 'root', isSudo: true }, { username: 'ana' }],
  })
})
afterEach(() => service.close())

const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
const get = async () => (await service.app.inject({ url: '/sync', headers: withKey })).json()

it('says that nothing has been read yet', async () => {
  expect(await get()).toEqual({
    poll: {
      asked_at: null,
      answered_at: null,
      took_ms: null,
      succeeded_at: null,
      admins: null,
      panel_counts_admins: null,
      error: null,
    },
    scan: {
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

it('says when the panel was polled, how long that took, and why it failed', async () => {
  await service.poll()
  const { poll } = await get()
  expect(poll).toEqual({
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

it('says how far a scan is, and for whom it failed', async () => {
  await service.poll()
  const id = await service.idOf('ana')
  await beginRound(service.db)
  await reportRound(service.db, { adminsDone: 1, adminsTotal: 2, usersDone: 100, usersTotal: 250 })
  await beginScan(service.db, id, 0n)
  await failScan(service.db, id, new LedgerError('panel_bad_answer', 'users[3].status is missing.'))
  expect((await get()).scan).toEqual({
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
  await finishRound(service.db)
  expect((await get()).scan).toMatchObject({ running: false, finished_at: time, took_ms: expect.any(Number) })
})

it('starts a sync, and says where to look', async () => {
  const answer = await service.app.inject({ method: 'POST', url: '/sync', headers: service.as('root') })
  expect(answer.statusCode).toBe(202)
  expect(answer.headers.location).toBe('/sync')
  expect(answer.json()).toEqual(await get())
  expect(service.syncs()).toBe(1)
})
