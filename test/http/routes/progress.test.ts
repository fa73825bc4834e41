import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { startTestService, type TestService, withKey } from '../service.ts'

let service: TestService
beforeEach(async () => {
  service = await startTestService({ admins: [{ username: 'ana' }] })
})
afterEach(() => service.close())

test('the progress of a bulk deletion shows the finished users, the rate and the remaining seconds', async () => {
  // Only times of the database are compared; the clock of this machine does not matter.
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3_600_000 })
  onTestFinished(() => void vi.useRealTimers())
  const usernames = Array.from({ length: 40 }, (_, index) => `user${index}`)
  for (const username of usernames) service.panel.state.createUser(username, { admin: 'ana' })
  const opened = await service.app.inject({
    method: 'POST',
    url: '/deletions',
    headers: withKey,
    payload: { usernames },
  })
  const url = `/deletions/${opened.json().id}`
  const reports: Record<string, number>[] = []
  const look = async () => {
    reports.push((await service.app.inject({ url, headers: withKey })).json())
  }
  service.panel.faults.add({ kind: 'hook', method: 'DELETE', skip: 20, times: 1, before: look })
  await service.carryOut(opened.json().id)
  await look()
  const [during = {}, after] = reports
  const { total = 0, done = 0, failed = 0, rate = 0, seconds_left: left = 0 } = during
  expect(total).toBe(40)
  expect(done).toBeGreaterThanOrEqual(17)
  expect(done).toBeLessThanOrEqual(20)
  expect(failed).toBe(0)
  expect(rate).toBeGreaterThan(0.1)
  expect(left).toBeCloseTo((total - done) / rate, 5)
  expect(during).toMatchObject({ state: 'requested', finished_at: null })
  expect(after).toMatchObject({ state: 'deleted', total: 40, done: 40, failed: 0, seconds_left: 0 })
})

test('a bulk deletion that has ended says how many bytes it has preserved, in the list too', async () => {
  for (const [username, lifetime] of [
    ['a', 10n],
    ['b', 20n],
    ['c', 40n],
  ] as const) {
    service.panel.state.createUser(username, { admin: 'ana', lifetime })
  }
  await service.poll()
  await service.scan()
  service.panel.state.accrueUser('a', 5)
  service.panel.state.accrueUser('b', 7)
  const get = async (url: string) => (await service.app.inject({ url, headers: withKey })).json()
  const ask = async (payload: object) =>
    (await service.app.inject({ method: 'POST', url: '/deletions', headers: withKey, payload })).json()
  const opened = await ask({ usernames: ['a', 'b', 'nobody'] })
  expect(opened).toMatchObject({ state: 'requested', preserved_bytes: null })
  await service.carryOut(opened.id)
  expect(await get(`/deletions/${opened.id}`)).toMatchObject({ state: 'incomplete', preserved_bytes: 12 })
  expect((await get('/deletions?kind=users')).items).toMatchObject([{ id: opened.id, preserved_bytes: 12 }])
  // What the ledger knew before is not preserved by the deletion.
  const second = await ask({ admin: 1, status: 'all' })
  await service.carryOut(second.id)
  expect(await get(`/deletions/${second.id}`)).toMatchObject({ state: 'deleted', preserved_bytes: 0 })
  const none = await ask({ usernames: ['nobody'] })
  await service.carryOut(none.id)
  expect(await get(`/deletions/${none.id}`)).toMatchObject({ state: 'incomplete', preserved_bytes: null })
})

test('so does the deletion of an admin', async () => {
  service.panel.state.createUser('a', { admin: 'ana', lifetime: 10n })
  await service.poll()
  await service.scan()
  // After the scan of all its users, right before the user's own final reading.
  const before = async () => void service.panel.state.accrueUser('a', 5)
  service.panel.faults.add({ kind: 'hook', method: 'GET', path: '/api/user/a', times: 1, before })
  const { id } = (await service.app.inject({ method: 'DELETE', url: '/admins/1', headers: withKey })).json()
  await service.carryOut(id)
  const report = (await service.app.inject({ url: `/deletions/${id}`, headers: withKey })).json()
  expect(report).toMatchObject({ kind: 'admin', state: 'deleted', preserved_bytes: 5 })
})
