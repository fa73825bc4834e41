import { PgBoss } from 'pg-boss'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { sendObservation, startObserving } from '../../src/jobs/observations.ts'
import { pollAndScan, useDeleting } from '../support/deleting.ts'

const ledger = useDeleting()
const stopping = new AbortController()
const told: unknown[] = []
let boss: PgBoss

beforeAll(async () => {
  boss = new PgBoss({ connectionString: ledger.url, max: 2 })
  boss.on('error', () => {})
  await boss.start()
  const panel: typeof ledger.client = new Proxy({} as typeof ledger.client, {
    get: (_target, name) => Reflect.get(ledger.client, name),
  })
  const work = { db: ledger.db, panel, rest: async () => {}, now: ledger.now }
  const onFailure = (_: unknown, error: unknown) => void told.push(error)
  await startObserving(boss, { work }, { stopping: stopping.signal, onFailure, onSuccess: () => {} })
})
afterAll(async () => {
  stopping.abort()
  await boss.stop({ graceful: false })
})
beforeEach(async () => {
  await ledger.db.deleteFrom('tenures').execute()
  ledger.panel.state.createAdmin('ada')
  await pollAndScan(ledger)
})

async function tenures() {
  const rows = await ledger.db.selectFrom('tenures').select(['username', 'counted', 'ended_by']).execute()
  return rows.toSorted((a, b) => (a.username < b.username ? -1 : 1))
}

describe('users that are to be read', () => {
  test('are read from the panel, whatever was said of them, and none twice', async () => {
    ledger.panel.state.createUser('alice', { admin: 'ada', lifetime: 70n })
    ledger.panel.state.createUser('bob', { admin: 'ada', lifetime: 30n })
    ledger.panel.requests.length = 0
    await sendObservation(boss, ledger.db, ['alice', 'bob', 'alice'])
    await expect.poll(tenures, { timeout: 10_000 }).toEqual([
      { username: 'alice', counted: 70n, ended_by: null },
      { username: 'bob', counted: 30n, ended_by: null },
    ])
    expect(ledger.panel.requests.filter(({ path }) => path === '/api/user/alice')).toHaveLength(1)
  })

  test('that are gone end; names that nobody can have are passed over', async () => {
    ledger.panel.state.createUser('alice', { admin: 'ada', lifetime: 70n })
    await pollAndScan(ledger)
    ledger.panel.state.deleteUser('alice')
    await sendObservation(boss, ledger.db, ['..', 'a/b', 'alice'])
    await expect
      .poll(tenures, { timeout: 10_000 })
      .toEqual([{ username: 'alice', counted: 70n, ended_by: 'panel' }])
  })

  test('are read in parts when they are many, so that a failure repeats only the last ones', async () => {
    const names = Array.from({ length: 50 }, (_, index) => `nobody${index}`)
    await sendObservation(boss, ledger.db, names)
    const parts = await boss.findJobs<{ usernames: string[] }>('observations')
    const given = parts.map(({ data }) => data.usernames).filter(([name]) => name?.startsWith('nobody'))
    expect(given.map(({ length }) => length).sort()).toEqual([10, 20, 20])
    expect(new Set(given.flat())).toEqual(new Set(names))
  })

  test('are read once the panel is back; that it was away is told', async () => {
    ledger.panel.state.createUser('alice', { admin: 'ada', lifetime: 70n })
    ledger.panel.faults.add({ kind: 'answer', status: 503, times: 3, path: '/api/user/alice' })
    await sendObservation(boss, ledger.db, ['alice'])
    await expect
      .poll(tenures, { timeout: 20_000 })
      .toEqual([{ username: 'alice', counted: 70n, ended_by: null }])
    expect(told).toMatchObject([{ code: 'panel_failed' }])
  })
})
