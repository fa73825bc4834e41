import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { LedgerError } from '../../../src/errors.ts'
import type { App } from '../../../src/http/app-type.ts'
import { limitFailures } from '../../../src/http/server/login-throttle.ts'
import type { Caller } from '../../../src/work/callers/caller.ts'
import { startTestService, type TestService } from '../service.ts'

const many = 1_000
const stranger = new LedgerError('unauthenticated', 'Nobody knows this token.')
const max = 10
let service: TestService
beforeAll(async () => {
  service = await startTestService({ admins: [] })
})
afterAll(() => service.close())

/** A limit, with a count of how often somebody looked at the failures so far. */
function countLooks() {
  let looks = 0
  const counting = {
    createRateLimit: (options: Parameters<App['createRateLimit']>[0]) => {
      const failures = service.app.createRateLimit(options)
      return (...call: Parameters<typeof failures>) => {
        looks += 1
        return failures(...call)
      }
    },
  }
  return { limit: limitFailures(counting as App, { max, windowMs: 60_000 }), looks: () => looks }
}

/** A request from an address of its own, as far as limits look at it. */
const from = (ip: string) =>
  ({ ip, routeOptions: { config: {} } }) as Parameters<ReturnType<typeof limitFailures>>[0]

test('lets a crowd through few at a time, whose waiting costs nothing', async () => {
  const { limit, looks } = countLooks()
  let underWay = 0
  let most = 0
  const identify = async () => {
    underWay += 1
    most = Math.max(most, underWay)
    await new Promise((resolve) => setImmediate(resolve))
    underWay -= 1
    return { name: 'ana' } as Caller
  }
  const callers = await Promise.all(Array.from({ length: many }, () => limit(from('192.0.2.1'), identify)))
  expect(callers).toHaveLength(many)
  expect(most).toBe(max)
  expect(looks()).toBeLessThanOrEqual(2 * many)
})

test('refuses a crowd of strangers after as many as may fail', async () => {
  const { limit, looks } = countLooks()
  let asked = 0
  const identify = async () => {
    asked += 1
    await new Promise((resolve) => setImmediate(resolve))
    throw stranger
  }
  const results = await Promise.allSettled(
    Array.from({ length: many }, () => limit(from('192.0.2.2'), identify)),
  )
  const codes = results.map((result) => result.status === 'rejected' && (result.reason as LedgerError).code)
  expect(codes.filter((code) => code === 'unauthenticated')).toHaveLength(max)
  expect(codes.filter((code) => code === 'rate_limited')).toHaveLength(many - max)
  expect(asked).toBe(max)
  expect(looks()).toBeLessThanOrEqual(3 * many)
})

test('forgets what has failed when its time is over, also if the clock was set back since', async () => {
  const limit = limitFailures(service.app, { max: 1, windowMs: 300 })
  const attempt = async (): Promise<LedgerError> =>
    limit(from('192.0.2.3'), () => Promise.reject(stranger)).then(
      () => stranger,
      (error: LedgerError) => error,
    )
  expect((await attempt()).code).toBe('unauthenticated')
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 3_600_000 })
  onTestFinished(() => void vi.useRealTimers())
  expect(await attempt()).toMatchObject({ code: 'rate_limited', retryAfter: 1 })
  await expect.poll(async () => (await attempt()).code, { timeout: 5_000 }).toBe('unauthenticated')
})

test('forgets no failure too early because the clock was set forward', async () => {
  const limit = limitFailures(service.app, { max: 1, windowMs: 60_000 })
  const attempt = () => limit(from('192.0.2.4'), () => Promise.reject(stranger))
  await expect(attempt()).rejects.toMatchObject({ code: 'unauthenticated' })
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3_600_000 })
  onTestFinished(() => void vi.useRealTimers())
  await expect(attempt()).rejects.toMatchObject({ code: 'rate_limited' })
})
