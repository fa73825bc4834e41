import { PgBoss } from 'pg-boss'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeQueue } from '../../src/jobs/make-queue.ts'
import { useLedger } from '../support/ledger.ts'

const ledger = useLedger()
let boss: PgBoss

beforeAll(async () => {
  boss = new PgBoss({ connectionString: ledger.url, max: 2 })
  boss.on('error', () => {})
  await boss.start()
})
afterAll(() => boss.stop({ graceful: false }))

const options = {
  policy: 'stately',
  retryLimit: 3,
  retryBackoff: true,
  retryDelayMax: 60,
  retentionSeconds: 86_400,
  expireInSeconds: 600,
  heartbeatSeconds: 10,
  deleteAfterSeconds: 600,
} as const
const named = async (name: string) => boss.getQueue(name)

test('a queue of an earlier version gets the options of this one, and keeps its jobs', async () => {
  await boss.createQueue('limited', { policy: 'stately', retryLimit: 0, expireInSeconds: 60 })
  const id = await boss.send('limited', {})
  await makeQueue(boss, 'limited', options)
  expect(await named('limited')).toMatchObject(options)
  expect(await boss.findJobs('limited')).toMatchObject([{ id }])
})

test('a queue of an earlier version gets another policy, although pg-boss cannot change it', async () => {
  await boss.createQueue('alone', { ...options, policy: 'singleton' })
  await boss.send('alone', {})
  await makeQueue(boss, 'alone', options)
  expect(await named('alone')).toMatchObject(options)
  await boss.send('alone', {})
  expect(await boss.send('alone', {})).toBeNull()
})

test('a queue that is as it should be is left alone; services that start together make one', async () => {
  await Promise.all([1, 2, 3].map(() => makeQueue(boss, 'same', options)))
  const before = await named('same')
  await makeQueue(boss, 'same', options)
  expect(await named('same')).toEqual(before)
  await makeQueue(boss, 'usual', { retryLimit: 1 })
  await makeQueue(boss, 'usual', { retryLimit: 1 })
  expect(await named('usual')).toMatchObject({ policy: 'standard', retryLimit: 1 })
})
