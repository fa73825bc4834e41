import path from 'node:path'
import { PgBoss } from 'pg-boss'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { createQueueClock } from '../../../src/store/connection/queue-clock.ts'
import { Clocks, query } from '../../support/clocks.ts'
import { useLedger } from '../../support/ledger.ts'

const ledger = useLedger()
const hourMs = 3_600_000
let boss: PgBoss
let clocks: Clocks

beforeAll(async () => {
  clocks = new Clocks(path.join(inject('runDir'), 'clock-of-the-queues'))
  await clocks.shadow(ledger.url)
  boss = new PgBoss({ connectionString: ledger.url, max: 1, supervise: false, schedule: false })
  boss.on('error', () => {})
  await boss.start()
  await boss.createQueue('work')
  await createQueueClock(ledger.db).use()
})
afterAll(() => boss.stop({ graceful: false }))

const jump = (ms: number) => clocks.jump(ledger.url, 'database', ms)

test('goes on from what the queues have stored when the clock was set forward and back before anybody looked', async () => {
  const clock = createQueueClock(ledger.db)
  await clock.keep()
  await jump(2 * hourMs)
  await boss.send('work')
  await query(ledger.url, 'update pgboss.version set cron_on = pgboss.job_now()')
  await query(ledger.url, `update pgboss.queue set monitor_on = pgboss.job_now() where name = 'work'`)
  await jump(-hourMs)
  await clock.keep()

  expect(await boss.fetch('work')).toHaveLength(1)
  const [{ ahead } = {}] = await query(
    ledger.url,
    `select greatest(cron_on, monitor_on) > pgboss.job_now() as ahead from pgboss.version, pgboss.queue where name = 'work'`,
  )
  expect(ahead).toBe(false)
})

test('stands still until somebody looks when the clock was set back, and goes on from there', async () => {
  const clock = createQueueClock(ledger.db)
  const now = async () => {
    const [{ now: time } = {}] = await query<{ now: Date }>(ledger.url, 'select pgboss.job_now() as now')
    return time?.getTime() ?? Number.NaN
  }
  await clock.keep()
  const before = await now()
  await jump(-hourMs)
  const unnoticed = await now()
  await clock.keep()
  const noticed = await now()
  await jump(hourMs)
  expect(Math.abs(unnoticed - before)).toBeLessThan(60_000)
  expect(Math.abs(noticed - before)).toBeLessThan(60_000)
  expect(noticed).toBeGreaterThanOrEqual(unnoticed)
  expect((await now()) - noticed).toBeGreaterThanOrEqual(hourMs - 60_000)
})
