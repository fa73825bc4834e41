import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestService, type TestService, withKey } from '../service.ts'

let service: TestService
let url: string

beforeAll(async () => {
  service = await startTestService({ admins: [{ username: 'ana' }] })
  service.panel.state.createUser('user1', { admin: 'ana' })
  await service.poll()
  await service.scan()
  url = `/admins/${await service.idOf('ana')}/hold`
})
afterAll(() => service.close())

const ask = (
  method: 'GET' | 'POST' | 'DELETE',
  payload?: object,
  headers: Record<string, string> = withKey,
) => service.app.inject({ method, url, headers, ...(payload && { payload }) })

test('an operator holds an admin, replaces the reason, and lifts the hold', async () => {
  const missing = await ask('GET')
  expect([missing.statusCode, missing.json().detail]).toEqual([404, expect.stringContaining(`POST ${url}`)])
  const placed = await ask('POST', { reason: 'unpaid invoice' })
  expect(placed.statusCode).toBe(200)
  expect(placed.json()).toMatchObject({
    reasons: ['operator'],
    total: 1,
    done: 0,
    failed: 0,
    operator: { reason: 'unpaid invoice', by: 'api_key', at: expect.any(String) },
  })
  await ask('POST', { reason: 'fraud' })
  expect((await ask('GET', undefined, service.as('ana'))).json().operator.reason).toBe('fraud')
  expect((await ask('DELETE')).statusCode).toBe(204)
  expect((await ask('GET')).json()).toMatchObject({ reasons: [], operator: null })
  const again = await ask('DELETE')
  expect([again.statusCode, again.json().detail]).toEqual([404, expect.stringContaining('No operator holds')])
})

test.each([
  ['no reason', {}, 'body'],
  ['an empty reason', { reason: '' }, 'reason'],
  ['a reason with a line feed', { reason: 'a\nb' }, 'reason'],
  ['a reason with half a character', { reason: '\ud800' }, 'reason'],
  ['an unknown field', { reason: 'a', until: 'tomorrow' }, 'until'],
])('%s gets 400 with the field', async (_, payload, field) => {
  const answer = await ask('POST', payload)
  expect([answer.statusCode, answer.json().errors[0].field]).toEqual([400, field])
})

test('an account that nobody has gets 404', async () => {
  for (const method of ['GET', 'POST', 'DELETE'] as const) {
    const payload = method === 'POST' ? { payload: { reason: 'a' } } : {}
    const answer = await service.app.inject({ method, url: '/admins/999/hold', headers: withKey, ...payload })
    expect(answer.statusCode).toBe(404)
  }
})
