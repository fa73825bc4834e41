import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { writeCursor } from '../../../src/http/input/page.ts'
import { createSecret, keyTextOf } from '../../../src/work/callers/key-text.ts'
import { startTestService, type TestService, withKey } from '../service.ts'

let service: TestService
let id: bigint
beforeAll(async () => {
  service = await startTestService({ admins: [{ username: 'ana' }] })
  await service.poll()
  id = await service.idOf('ana')
})
afterAll(() => service.close())

const get = (path: string) => service.app.inject({ url: path.replace('{id}', String(id)), headers: withKey })
const raw = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

const limit = 'limit must be an integer from 1 to 200.'
const maxAge = 'max_age must be an integer from 0 to 86400.'
const integer = `must be an integer from 1 to ${Number.MAX_SAFE_INTEGER}`
const adminIs = (listed: string) => `id ${integer} or "me". Find the id with GET /admins?username=${listed}.`
const adminId = adminIs('{name}')
const key = keyTextOf(1n, createSecret())
const sort =
  'sort must be one of id, -id, username, -username, total_traffic, -total_traffic, used_percent, -used_percent.'
const state = 'state must be a list, separated by commas, of one of current, ended.'
const username = 'username must be a text of 1 to 8192 characters, without U+0000 and halves of characters.'
const cursor = 'cursor must be the next_cursor of the previous page, unchanged; start again without a cursor.'

describe('bad input is refused by name, with what would be right', () => {
  test.each([
    ['/admins?limit=0', 'limit', limit],
    ['/admins?limit=201', 'limit', limit],
    ['/admins?limit=-1', 'limit', limit],
    ['/admins?limit=abc', 'limit', limit],
    ['/admins?limit=1e1', 'limit', limit],
    ['/admins?limit=1.0', 'limit', limit],
    ['/admins?limit=0x10', 'limit', limit],
    ['/admins?limit=%205', 'limit', limit],
    ['/admins?limit=', 'limit', limit],
    ['/admins?limit', 'limit', limit],
    ['/admins?limit=5&limit=6', 'limit', 'limit must be given once; it must be an integer from 1 to 200.'],
    ['/admins?sort=traffic', 'sort', sort],
    ['/admins?username=', 'username', username],
    ['/admins?username=a%00b', 'username', username],
    [`/admins?username=${'a'.repeat(8_193)}`, 'username', username],
    [
      '/admins?page=2',
      'page',
      'page is not a parameter of this call; known here: username, sort, limit_state, limit, cursor.',
    ],
    ['/admins/{id}?limit=2', 'limit', 'limit is not a parameter of this call; it has none.'],
    ['/sync?toString=1', 'toString', 'toString is not a parameter of this call; it has none.'],
    ['/admins?constructor=1', 'constructor', expect.stringContaining('known here')],
    ['/admins?__proto__=1', '__proto__', expect.stringContaining('known here')],
    ['/admins/{id}/users?limit=0', 'limit', limit],
    ['/admins/{id}/users?state=gone', 'state', state],
    ['/admins/{id}/users?state=', 'state', state],
    ['/admins/{id}/users?state=current,', 'state', state],
    ['/admins/{id}/stats?max_age=-1', 'max_age', maxAge],
    ['/admins/{id}/stats?max_age=86401', 'max_age', maxAge],
    ['/admins/{id}/stats?max_age=', 'max_age', maxAge],
    ['/admins/{id}/stats?max_age=1s', 'max_age', maxAge],
    ['/admins/0', 'id', adminId],
    ['/admins/-1', 'id', adminId],
    ['/admins/01', 'id', adminId],
    ['/admins/1.5', 'id', adminId],
    ['/admins/ana', 'id', adminIs('ana')],
    ['/admins/ME', 'id', adminIs('ME')],
    ['/admins/a%26b%20%D8%B1', 'id', adminIs('a%26b%20%D8%B1')],
    [`/admins/${'a'.repeat(65)}`, 'id', adminId],
    [`/admins/${key}/users`, 'id', adminId],
    ['/admins/ana/stats', 'id', adminIs('ana')],
    ['/admins/ana/limit', 'id', adminIs('ana')],
    ['/deletions?admin=ana', 'admin', adminIs('ana').replace('id', 'admin')],
    ['/audit?admin=ana', 'admin', adminIs('ana').replace('id', 'admin')],
    ['/deletions/alice', 'id', `id ${integer}. Find the id with GET /deletions.`],
    ['/deletions?parent=alice', 'parent', `parent ${integer}. Find the id with GET /deletions.`],
    ['/admins/9007199254740992', 'id', adminId],
    ['/admins/99999999999999999999999/stats', 'id', adminId],
  ])('%s', async (path, field, detail) => {
    const answer = await get(path)
    expect(answer.statusCode).toBe(400)
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/)
    expect(answer.json()).toEqual({
      type: 'about:blank',
      title: 'Bad Request',
      status: 400,
      detail,
      code: 'invalid_request',
      errors: [{ field, detail }],
    })
  })

  test.each([
    ['/api-keys/Grafana', `id ${integer}. Find the id with GET /api-keys.`],
    ['/admins/1/grants/invoice-7', `grant_id ${integer}. Find the id with GET /admins/{id}/grants.`],
  ])('DELETE %s', async (url, detail) => {
    const answer = await service.app.inject({ method: 'DELETE', url, headers: withKey })
    expect([answer.statusCode, answer.json().detail]).toEqual([400, detail])
  })

  test('names all that is wrong', async () => {
    const { detail, errors } = (await get('/admins?limit=0&sort=x')).json()
    expect(errors.map((error: { field: string }) => error.field).sort()).toEqual(['limit', 'sort'])
    expect(detail).toContain(limit)
    expect(detail).toContain(sort)
  })

  test.each([
    ['no base64', '%25%25%25'],
    ['no JSON', Buffer.from('{"s":').toString('base64url')],
    ['a number', raw(7)],
    ['null', raw(null)],
    ['a key missing', raw({ s: 'id', i: '1' })],
    ['an id that is none', raw({ s: 'id', k: '1', i: '1; drop table admins' })],
    ['an id too large', raw({ s: 'id', k: '1', i: '9223372036854775808' })],
    ['a key that is no number', raw({ s: 'id', k: 'x', i: '1' })],
    ['a number for an id', raw({ s: 'id', k: '1', i: 1 })],
  ])('a broken cursor: %s', async (_what, value) => {
    const answer = await get(`/admins?cursor=${value}`)
    expect(answer.statusCode).toBe(400)
    expect(answer.json()).toMatchObject({
      code: 'invalid_request',
      errors: [{ field: 'cursor', detail: cursor }],
    })
  })

  test('a text of a cursor that no database holds', async () => {
    const value = raw({ s: 'username', k: 'a\0b', i: '1' })
    expect((await get(`/admins?sort=username&cursor=${value}`)).statusCode).toBe(400)
  })

  test('a cursor of another order, or of another list', async () => {
    const value = writeCursor({ sort: '-total_traffic', key: '5', id: 1n })
    const detail =
      'cursor belongs to a list in the order "-total_traffic", not "id"; start again without a cursor.'
    expect((await get(`/admins?cursor=${value}`)).json()).toMatchObject({ status: 400, detail })
    expect((await get(`/admins/{id}/users?cursor=${value}`)).statusCode).toBe(400)
  })
})

describe('input that is fine', () => {
  test.each([
    '/admins?limit=1',
    '/admins?limit=200&sort=-username',
    '/admins?username=%E2%82%AC%20x',
    '/admins/{id}/stats?max_age=86400',
    '/admins/{id}/users?state=current',
    '/admins/{id}/users?state=ended,current',
    '/admins/{id}/users?state=ended&state=current',
  ])('%s', async (path) => {
    expect((await get(path)).statusCode).toBe(200)
  })
})

describe('accounts that are not there', () => {
  test.each(['', '/stats', '/users', '/stats?max_age=0'])('/admins/999999%s', async (tail) => {
    const answer = await get(`/admins/999999${tail}`)
    expect(answer.statusCode).toBe(404)
    expect(answer.json()).toMatchObject({
      code: 'not_found',
      detail: 'There is no account with the id 999999.',
    })
  })

  test.each(['', '/stats', '/users'])('/admins/me%s of the key, which belongs to no admin', async (tail) => {
    const answer = await get(`/admins/me${tail}`)
    expect(answer.statusCode).toBe(404)
    expect(answer.json().detail).toContain('the API key belongs to no admin')
  })

  test('/admins/me of an admin that no poll has seen yet', async () => {
    service.panel.state.createAdmin('new')
    const ask = () => service.app.inject({ url: '/admins/me', headers: service.as('new') })
    expect((await ask()).json()).toMatchObject({ status: 404, detail: expect.stringContaining('for new') })
    await service.poll()
    expect((await ask()).json()).toMatchObject({ username: 'new' })
  })
})
