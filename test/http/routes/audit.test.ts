import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type AuditChange, writeAudit } from '../../../src/store/audit/audit.ts'
import { transact } from '../../../src/store/connection/transact.ts'
import { createKey } from '../../support/api-keys.ts'
import { startTestService, type TestService, withKey } from '../service.ts'

let service: TestService
let ana = 0n
let bob = 0n

beforeAll(async () => {
  service = await startTestService({ admins: [{ username: 'ana' }, { username: 'bob' }] })
  await service.poll()
  await service.scan()
  ana = await service.idOf('ana')
  bob = await service.idOf('bob')
})
afterAll(() => service.close())

const get = async (query = '') =>
  (await service.app.inject({ url: `/audit${query}`, headers: withKey })).json()
const write = (change: Partial<AuditChange>) =>
  transact(service.db, (tx) =>
    writeAudit(tx, {
      caller: 'api_key',
      action: 'hold.set',
      adminId: bob,
      before: null,
      after: null,
      ...change,
    }),
  )

test('a change through the API is in the trail, under the name of the key that made it', async () => {
  const { id, text } = await createKey(service.db)
  const call = (method: 'PUT' | 'POST' | 'DELETE', tail: string, payload?: object) =>
    service.app.inject({
      method,
      url: `/admins/${ana}${tail}`,
      headers: { 'x-api-key': text },
      ...(payload && { payload }),
    })
  await call('PUT', '/limit?dry_run=true', { traffic_limit: 5, period: null, on_exceed: 'notify' })
  await call('PUT', '/limit', { traffic_limit: 5, period: null, on_exceed: 'notify' })
  await call('POST', '/grants', { bytes: 7 })
  await call('POST', '/periods')
  await call('DELETE', '/limit')
  const { items } = await get(`?admin=${ana}`)
  expect(items.map((item: { caller: string; action: string }) => [item.caller, item.action])).toEqual(
    ['limit.deleted', 'period.closed', 'grant.added', 'limit.set'].map((action) => [`key:${id}`, action]),
  )
  expect(items.at(-1)).toMatchObject({ admin_id: Number(ana), before: null, after: { traffic_limit: 5 } })
})

describe('the trail', () => {
  beforeAll(async () => {
    await write({ after: { most: 2n ** 63n - 1n } })
    await write({ action: 'hold.released' })
    await write({ action: 'key.created', adminId: null })
  })

  test('shows bytes to the digit', async () => {
    const { body } = await service.app.inject({ url: `/audit?action=hold.set`, headers: withKey })
    expect(body).toContain('"after":{"most":9223372036854775807}')
  })

  test('is filtered by account and action, and read page by page', async () => {
    const actions = async (query: string) =>
      (await get(query)).items.map(({ action }: { action: string }) => action)
    expect(await actions(`?admin=${bob}`)).toEqual(['hold.released', 'hold.set'])
    expect(await actions(`?admin=${bob}&action=hold.set`)).toEqual(['hold.set'])
    expect(await actions('?action=hold.set,hold.released')).toEqual(['hold.released', 'hold.set'])
    const { next_cursor } = await get(`?admin=${bob}&limit=1`)
    expect(await actions(`?admin=${bob}&limit=1&cursor=${next_cursor}`)).toEqual(['hold.set'])
  })

  test('is filtered by time: from then on, before then', async () => {
    const [last] = (await get(`?admin=${bob}`)).items
    const count = async (query: string) => (await get(`?admin=${bob}&${query}`)).items.length
    const later = new Date(Date.parse(last.at) + 1).toISOString()
    expect(await count(`from=${later}`)).toBe(0)
    expect(await count(`to=${later}`)).toBe(2)
    expect(await count('from=2020-01-01T00:00:00Z')).toBe(2)
    expect(await count('to=2020-01-01T00:00:00Z')).toBe(0)
  })
})

test.each([
  ['an unknown action', 'action=limit.broken', 'action'],
  ['a time without a zone', 'from=2026-01-01T00:00:00', 'from'],
  ['a time on no day', 'to=2026-02-30T00:00:00Z', 'to'],
  ['an account that is none', 'admin=0', 'admin'],
  [
    'the cursor of another list',
    `cursor=${Buffer.from('{"s":"-id","k":"","i":"1"}').toString('base64url')}`,
    'cursor',
  ],
  ['an unknown parameter', 'caller=api_key', 'caller'],
])('%s gets 400 with the parameter', async (_what, query, field) => {
  expect(await get(`?${query}`)).toMatchObject({ status: 400, errors: [{ field }] })
})
