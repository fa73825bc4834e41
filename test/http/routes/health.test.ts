import { afterEach, describe, expect, onTestFinished, test } from 'vitest'
import { LedgerError } from '../../../src/errors.ts'
import { recordPollFailure } from '../../../src/store/collecting/panel-poll.ts'
import { drawAsked } from '../../../src/store/connection/logical-clock.ts'
import { migrateTo } from '../../../src/store/connection/migrate.ts'
import { createCuttable } from '../cuttable.ts'
import { startTestService, type TestService, withKey } from '../service.ts'

let service: TestService
afterEach(() => service.close())

describe('health', () => {
  test('/healthz says without a login that the process is up', async () => {
    service = await startTestService({ admins: [] })
    const answer = await service.app.inject('/healthz')
    expect(answer.json()).toEqual({ status: 'ok', version: '1.2.3' })
  })

  test('/readyz says that requests can be served, and shows the state of the panel', async () => {
    let now = 0
    service = await startTestService({ admins: [], now: () => now })
    expect((await service.app.inject('/readyz')).json()).toEqual({
      status: 'ready',
      panel: { status: 'ok' },
      failing: [],
    })
    await recordPollFailure(
      service.db,
      await drawAsked(service.db),
      new LedgerError('panel_unreachable', 'The panel does not answer.'),
    )
    now = 1_000
    const answer = await service.app.inject('/readyz')
    expect(answer.statusCode).toBe(200)
    expect(answer.json()).toEqual({
      status: 'ready',
      panel: { status: 'failing', code: 'panel_unreachable', detail: 'The panel does not answer.' },
      failing: [],
    })
  })

  test('/readyz is 503 while the database lacks the schema of this version', async () => {
    service = await startTestService({ admins: [] })
    await migrateTo(service.db, [])
    const answer = await service.app.inject('/readyz')
    expect(answer.statusCode).toBe(503)
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/)
    expect(answer.json().detail).toContain('schema')
  })

  test('/readyz asks the database at most once a second, with one statement after the migration', async () => {
    let now = 0
    service = await startTestService({ admins: [], now: () => now })
    const askers = () => Promise.all(Array.from({ length: 200 }, () => service.app.inject('/readyz')))
    await askers()
    now = 1_000
    const before = service.databaseUses()
    const answers = await askers()
    expect(new Set(answers.map(({ statusCode }) => statusCode))).toEqual(new Set([200]))
    expect(service.databaseUses() - before).toBe(1)
    now = 1_999
    await askers()
    expect(service.databaseUses() - before).toBe(1)
    now = 2_000
    await askers()
    expect(service.databaseUses() - before).toBe(2)
  })

  test('/readyz notices within a second that the database is down, and that it is back', async () => {
    let now = 0
    const database = createCuttable()
    onTestFinished(() => database.close())
    service = await startTestService({ admins: [], now: () => now, reach: (url) => database.via(url) })
    const status = async () => (await service.app.inject('/readyz')).statusCode
    expect(await status()).toBe(200)
    database.cut()
    now = 1_000
    expect(await status()).toBe(503)
    database.restore()
    expect(await status()).toBe(503)
    now = 2_000
    expect(await status()).toBe(200)
  })

  test('/readyz notices that the schema is gone', async () => {
    let now = 0
    service = await startTestService({ admins: [], now: () => now })
    expect((await service.app.inject('/readyz')).statusCode).toBe(200)
    await migrateTo(service.db, [])
    now = 1_000
    expect((await service.app.inject('/readyz')).statusCode).toBe(503)
  })
})

test('an overloaded service refuses calls with a reason, and /healthz stays green', async () => {
  service = await startTestService({ admins: [], pressure: { maxRssBytes: 1, sampleInterval: 10 } })
  const ask = () => service.app.inject({ url: '/admins', headers: withKey })
  await expect.poll(async () => (await ask()).statusCode).toBe(503)
  const answer = await ask()
  expect(answer.headers['retry-after']).toBe('10')
  expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/)
  expect(answer.json()).toMatchObject({ status: 503, code: 'overloaded' })
  expect((await service.app.inject('/healthz')).statusCode).toBe(200)
})

describe('the log', () => {
  test('the log has a line for each answer, without credentials', async () => {
    service = await startTestService({ admins: [] })
    await service.app.inject({ url: '/admins?username=x', headers: withKey })
    expect(service.logged).toContainEqual(
      expect.objectContaining({
        level: 20,
        msg: 'answered',
        method: 'GET',
        path: '/admins',
        status: 200,
        caller: 'operator',
        reqId: expect.any(String),
      }),
    )
    await service.app.inject({
      url: '/admins',
      headers: { 'x-api-key': 'wrong-secret', cookie: 'wrong-secret' },
    })
    await service.app.inject({ url: '/admins', headers: { authorization: 'Bearer wrong-secret' } })
    expect(service.logged.filter(({ level, status }) => level === 30 && status === 401)).toHaveLength(2)
    expect(JSON.stringify(service.logged)).not.toMatch(/wrong-secret|the-key-of-the-operator/)
  })

  test('credentials are hidden even if headers are logged', async () => {
    service = await startTestService({ admins: [] })
    const headers = { authorization: 's3cret', 'x-api-key': 's3cret', cookie: 's3cret', host: 'seen' }
    service.app.log.info({ req: { headers }, headers }, 'all of it')
    const [line] = service.logged.slice(-1)
    const hidden = {
      authorization: '[redacted]',
      'x-api-key': '[redacted]',
      cookie: '[redacted]',
      host: 'seen',
    }
    expect(line).toMatchObject({ headers: hidden })
    expect(JSON.stringify(line)).not.toContain('s3cret')
  })

  test('health checks and successes are not logged at info', async () => {
    service = await startTestService({ admins: [], logLevel: 'info' })
    for (const url of ['/healthz', '/readyz', '/admins']) await service.app.inject({ url, headers: withKey })
    expect(service.logged).toEqual([])
  })
})
