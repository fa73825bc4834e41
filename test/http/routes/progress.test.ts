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
