import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startTestService, type TestService, withKey } from '../service.ts'

let service: TestService
let id: bigint

beforeEach(async () => {
  service = await startTestService({ admins: [{ username: 'ana', usage: 1_000n }] })
  await service.poll()
  await service.scan()
  id = await service.idOf('ana')
})
afterEach(() => service.close())

const monthly = { unit: 'month', anchor_day: 31, timezone: 'Asia/Tehran' }
const usual = { traffic_limit: 1_000, period: null, on_exceed: 'notify' }
const ask = (method: 'GET' | 'PUT' | 'POST' | 'DELETE', tail: string, payload?: object, headers = {}) =>
  service.app.inject({
    method,
    url: `/admins/${id}${tail}`,
    headers: { ...withKey, ...headers },
    ...(payload && { payload }),
  })
const put = (over: object = {}, headers = {}) => ask('PUT', '/limit', { ...usual, ...over }, headers)
/** Lets the admin's counter say so many bytes more. */
const use = async (bytes: bigint) => {
  const admin = service.panel.state.admins.get('ana')
  if (admin) admin.usage += bytes
  await service.poll()
}

describe('a limit', () => {
  test('is answered whole, with its defaults, and read back the same', async () => {
    const answer = await put({ period: monthly, warn_at: [80, 95], valid_until: '2126-01-01T00:00:00+03:30' })
    expect(answer.statusCode).toBe(200)
    const body = answer.json()
    expect(body).toEqual({
      version: expect.any(Number),
      traffic_limit: 1_000,
      count_from: 'now',
      period: monthly,
      carry_over: 'debt',
      valid_until: '2125-12-31T20:30:00.000Z',
      warn_at: [80, 95],
      on_exceed: 'notify',
      changed_at: expect.any(String),
      changed_by: 'api_key',
      status: {
        state: 'ok',
        used: 0,
        allowance: 1_000,
        remaining: 1_000,
        overshoot: 0,
        used_percent: 0,
        pending: false,
        period: {
          id: expect.any(Number),
          starts_at: expect.any(String),
          ends_at: expect.stringMatching(/T20:30:00/),
        },
        valid_until: '2125-12-31T20:30:00.000Z',
        hold: null,
      },
    })
    expect(answer.headers.etag).toBe(`"${body.version}"`)
    const read = await ask('GET', '/limit')
    expect([read.json(), read.headers.etag]).toEqual([body, answer.headers.etag])
    const own = await service.app.inject({ url: '/admins/me/limit', headers: service.as('ana') })
    expect(own.json()).toEqual(body)
  })

  test('of days can be sent back as it was read', async () => {
    await put({ period: { unit: 'day', timezone: 'UTC' }, warn_at: [80] })
    const { version, changed_at, changed_by, status, ...settings } = (await ask('GET', '/limit')).json()
    const again = await ask('PUT', '/limit', settings)
    expect([again.statusCode, again.json().version]).toEqual([200, version])
  })

  test('stands in stats and lists, and polls judge it', async () => {
    expect((await ask('GET', '/stats')).json().limit).toBeNull()
    await put({ warn_at: [80] })
    await use(850n)
    const { limit } = (await ask('GET', '/stats')).json()
    expect(limit).toMatchObject({
      state: 'warned',
      used: 850,
      remaining: 150,
      used_percent: 85,
      pending: false,
    })
    const list = await service.app.inject({ url: '/admins', headers: withKey })
    expect(list.json().items.find(({ username }: { username: string }) => username === 'ana').limit).toEqual(
      limit,
    )
    await use(650n)
    expect((await ask('GET', '')).json().limit).toMatchObject({ state: 'exceeded', overshoot: 500 })
  })

  test('reads stats with as many uses of the database as without', async () => {
    const usesOf = async () => {
      const before = service.databaseUses()
      await ask('GET', '/stats')
      return service.databaseUses() - before
    }
    const without = await usesOf()
    await put({ period: monthly })
    expect(await usesOf()).toBe(without)
  })

  test('is not changed by a dry run', async () => {
    await use(1_500n)
    const dry = await ask('PUT', '/limit?dry_run=true', { ...usual, count_from: 'beginning' })
    expect([dry.statusCode, dry.headers.etag, dry.json().status.state]).toEqual([200, undefined, 'exceeded'])
    expect((await ask('GET', '/limit')).statusCode).toBe(404)
  })

  test('keeps its version when the time zone is only spelled otherwise', async () => {
    const { etag } = (await put({ period: { ...monthly, timezone: 'asia/TEHRAN' } })).headers
    expect((await ask('GET', '/limit')).json().period.timezone).toBe('Asia/Tehran')
    expect((await put({ period: monthly })).headers.etag).toBe(etag)
    const alias = (await put({ period: { ...monthly, timezone: 'Asia/Kolkata' } })).headers.etag
    expect((await put({ period: { ...monthly, timezone: 'asia/kolkata' } })).headers.etag).toBe(alias)
    expect((await ask('GET', '/limit')).json().period.timezone).toBe('Asia/Kolkata')
  })

  test('changes only from the version that its caller names', async () => {
    const { etag } = (await put()).headers
    expect((await put({ traffic_limit: 2_000 }, { 'if-match': etag })).statusCode).toBe(200)
    const late = await put({ traffic_limit: 3_000 }, { 'if-match': etag })
    expect([late.statusCode, late.json().code]).toEqual([412, 'precondition_failed'])
    expect((await ask('DELETE', '/limit', undefined, { 'if-match': etag })).statusCode).toBe(412)
    expect((await ask('DELETE', '/limit', undefined, { 'if-match': '*' })).statusCode).toBe(204)
    const gone = 'The account has no limit; '
    expect((await put({}, { 'if-match': '*' })).json()).toMatchObject({
      status: 412,
      detail: `${gone}leave If-Match out to set one.`,
    })
    expect((await ask('DELETE', '/limit', undefined, { 'if-match': '*' })).json()).toMatchObject({
      status: 412,
      detail: `${gone}there is nothing to remove.`,
    })
    const unquoted = await put({}, { 'if-match': '7' })
    expect([unquoted.statusCode, unquoted.json().errors[0].field]).toEqual([400, 'if-match'])
  })

  test('whose period was closed is not closed again by a repetition that names its version', async () => {
    const { etag } = (await put()).headers
    const closed = await ask('POST', '/periods', undefined, { 'if-match': etag })
    expect([closed.statusCode, closed.headers.etag]).toEqual([201, `"${closed.json().version}"`])
    // The answer was lost, and its caller asks again.
    const again = await ask('POST', '/periods', undefined, { 'if-match': etag })
    expect([again.statusCode, again.json().code]).toEqual([412, 'precondition_failed'])
    expect((await ask('GET', '/periods')).json().items).toHaveLength(2)
    expect((await ask('GET', '/limit')).headers.etag).toBe(closed.headers.etag)
    await ask('DELETE', '/limit')
    expect((await ask('POST', '/periods', undefined, { 'if-match': etag })).statusCode).toBe(412)
  })
})

describe('what is wrong with a limit', () => {
  test.each([
    ['no traffic', { traffic_limit: 0 }, 'traffic_limit', 'from 1 to 9007199254740991'],
    ['too much traffic', { traffic_limit: 2 ** 63 }, 'traffic_limit', 'from 1 to 9007199254740991'],
    ['half a byte', { traffic_limit: 1.5 }, 'traffic_limit', 'an integer'],
    ['warnings out of order', { warn_at: [95, 80] }, 'warn_at', 'ascending'],
    ['a warning twice', { warn_at: [80, 80] }, 'warn_at', 'ascending'],
    ['a warning at the whole', { warn_at: [100] }, 'warn_at', 'from 1 to 99'],
    ['eleven warnings', { warn_at: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11] }, 'warn_at', 'to 10'],
    [
      'an unknown zone',
      { period: { ...monthly, timezone: 'Asia/Teheran' } },
      'period.timezone',
      'Asia/Tehran',
    ],
    ['an offset as a zone', { period: { ...monthly, timezone: '+03:30' } }, 'period.timezone', 'IANA'],
    [
      'a day that no month has',
      { period: { ...monthly, anchor_day: 32 } },
      'period.anchor_day',
      'from 1 to 31',
    ],
    [
      'a day that no week has',
      { period: { ...monthly, unit: 'week' } },
      'period.anchor_day',
      '1 (Monday) to 7',
    ],
    ['a day of a day', { period: { ...monthly, unit: 'day' } }, 'period.anchor_day', 'left out'],
    ['a year', { period: { ...monthly, unit: 'year' } }, 'period.unit', 'day, week, month'],
    ['a period without a zone', { period: { unit: 'day' } }, 'period.timezone', 'is missing'],
    ['an unknown part of a period', { period: { ...monthly, hour: 3 } }, 'period.hour', 'does not belong'],
    [
      'a period that is a word',
      { period: 'monthly' },
      'period',
      'required: unit, timezone; optional: anchor_day',
    ],
    ['what the service cannot do', { on_exceed: 'delete_users' }, 'on_exceed', 'disable_users'],
    ['a time without a zone', { valid_until: '2026-12-31T20:30:00' }, 'valid_until', 'RFC 3339'],
    ['a day that no calendar has', { valid_until: '2026-02-30T00:00:00Z' }, 'valid_until', 'RFC 3339'],
    ['an unknown field', { limit: 5 }, 'limit', 'does not belong'],
  ])('%s gets 400 with the field and what is right', async (_, over, field, right) => {
    const answer = await put(over)
    expect([answer.statusCode, answer.json().errors?.[0]?.field]).toEqual([400, field])
    expect(answer.json().detail).toContain(right)
  })

  test('what is missing is named', async () => {
    const answer = await ask('PUT', '/limit', {})
    const fields = answer.json().errors.map(({ field }: { field: string }) => field)
    expect([answer.statusCode, fields]).toEqual([400, ['body']])
    const { errors } = (await ask('PUT', '/limit', { traffic_limit: 5 })).json()
    expect(errors.map(({ field }: { field: string }) => field)).toEqual(['period', 'on_exceed'])
  })

  test('an account that does not exist gets 404, and so does one without a limit', async () => {
    for (const call of ['limit', 'grants', 'periods']) {
      const answer = await service.app.inject({ url: `/admins/999/${call}`, headers: withKey })
      expect([call, answer.statusCode]).toEqual([call, 404])
    }
    expect((await ask('GET', '/limit')).json().detail).toContain('has no limit')
    expect((await ask('DELETE', '/limit')).statusCode).toBe(404)
    expect((await ask('POST', '/periods')).statusCode).toBe(404)
  })
})

describe('grants', () => {
  test('top up, are made once for a reference, and are listed with those that were taken back', async () => {
    await put()
    const payload = { bytes: 500, reference: 'invoice-7', note: 'paid' }
    const first = await ask('POST', '/grants', payload)
    expect([first.statusCode, first.json()]).toEqual([
      201,
      {
        id: expect.any(Number),
        period_id: expect.any(Number),
        bytes: 500,
        note: 'paid',
        reference: 'invoice-7',
        created_at: expect.any(String),
        created_by: 'api_key',
        revoked_at: null,
        revoked_by: null,
      },
    ])
    const again = await ask('POST', '/grants', payload)
    expect([again.statusCode, again.json()]).toEqual([200, first.json()])
    const other = await ask('POST', '/grants', { ...payload, bytes: 501 })
    expect([other.statusCode, other.json().errors[0].field]).toEqual([409, 'reference'])
    expect((await ask('GET', '/limit')).json().status.allowance).toBe(1_500)
    const revoked = await ask('DELETE', `/grants/${first.json().id}`)
    expect(revoked.json()).toMatchObject({ revoked_by: 'api_key' })
    expect((await ask('DELETE', '/grants/9999')).statusCode).toBe(404)
    expect((await ask('GET', '/grants')).json()).toEqual({ items: [revoked.json()], next_cursor: null })
    // A success would say that the traffic is granted, and it is not.
    const anew = await ask('POST', '/grants', payload)
    expect([anew.statusCode, anew.json().errors?.[0].field]).toEqual([409, 'reference'])
    expect(anew.json().detail).toContain('was taken back')
    expect((await ask('GET', '/limit')).json().status.allowance).toBe(1_000)
  })

  test('may leave out the note and the reference with null', async () => {
    await put()
    const answer = await ask('POST', '/grants', { bytes: 1, note: null, reference: null })
    expect([answer.statusCode, answer.json()]).toMatchObject([201, { note: null, reference: null }])
  })

  test.each([
    ['nothing', { bytes: 0 }, 400, 'bytes'],
    ['more than is allowed, taken away', { bytes: -1_001 }, 400, 'bytes'],
    ['half a byte', { bytes: 0.5 }, 400, 'bytes'],
    ['an empty reference', { bytes: 1, reference: '' }, 400, 'reference'],
  ])('of %s are refused', async (_, payload, status, field) => {
    await put()
    const answer = await ask('POST', '/grants', payload)
    expect([answer.statusCode, answer.json().errors[0].field]).toEqual([status, field])
  })

  test('without a limit of traffic get 409', async () => {
    expect((await ask('POST', '/grants', { bytes: 1 })).statusCode).toBe(409)
    await put({ traffic_limit: null })
    expect((await ask('POST', '/grants', { bytes: 1 })).statusCode).toBe(409)
  })
})

describe('periods', () => {
  test('are closed and listed page by page, the latest first', async () => {
    await put()
    await use(300n)
    expect((await ask('POST', '/periods')).statusCode).toBe(201)
    const first = (await ask('GET', '/periods?limit=1')).json()
    expect(first.items).toMatchObject([{ closed_at: null, used: null, total_at_start: 1_300, carried: 0 }])
    const second = (await ask('GET', `/periods?limit=1&cursor=${first.next_cursor}`)).json()
    expect(second).toMatchObject({
      items: [{ used: 300, total_at_start: 1_000, total_at_end: 1_300, allowance: 1_000 }],
      next_cursor: null,
    })
    expect((await ask('GET', '/stats')).json()).toMatchObject({ total_traffic: 1_300, limit: { used: 0 } })
  })
})
