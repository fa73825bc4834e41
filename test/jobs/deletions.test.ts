import { setTimeout } from 'node:timers/promises'
import { PgBoss } from 'pg-boss'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { lookAtBulk, startDeleting } from '../../src/jobs/deletions.ts'
import { findDeletion } from '../../src/store/deletions/deletions.ts'
import type { Caller } from '../../src/work/callers/caller.ts'
import { requestBulkDeletion } from '../../src/work/deleting/request-deletion.ts'
import { pollAndScan, useDeleting, workOf } from '../support/deleting.ts'
import { accountOf, inconsistentAccounts } from '../support/ledger.ts'

const ledger = useDeleting()
const stopping = new AbortController()
const bosses: PgBoss[] = []
const told: unknown[] = []

beforeAll(async () => {
  const client: typeof ledger.client = new Proxy({} as typeof ledger.client, {
    get: (_target, name) => Reflect.get(ledger.client, name),
  })
  // Two replicas.
  for (let replica = 0; replica < 2; replica += 1) {
    const boss = new PgBoss({ connectionString: ledger.url, max: 3 })
    boss.on('error', () => {})
    await boss.start()
    bosses.push(boss)
    const work = { ...workOf(ledger), panel: client }
    await startDeleting(
      boss,
      { work },
      { stopping: stopping.signal, onFailure: (_, error) => void told.push(error), onSuccess: () => {} },
    )
  }
})
afterAll(async () => {
  stopping.abort()
  await Promise.all(bosses.map((boss) => boss.stop({ graceful: false })))
})

async function createUsers(admin: string, count: number): Promise<string[]> {
  if (!ledger.panel.state.admins.has(admin)) ledger.panel.state.createAdmin(admin)
  const usernames = Array.from({ length: count }, (_, index) => `${admin}${index}`)
  for (const username of usernames) {
    ledger.panel.state.createUser(username, { admin })
    ledger.panel.state.accrue(username, 10)
  }
  await pollAndScan(ledger)
  return usernames
}

async function request(admin: string, usernames: string[]): Promise<bigint> {
  const [boss] = bosses
  if (!boss) throw new Error('no queue')
  const { id: adminId } = await accountOf(ledger.db, admin)
  const caller: Caller = {
    kind: 'admin',
    name: admin,
    isSudo: false,
    adminId,
    token: 'not shown to the panel',
  }
  const work = { db: ledger.db, panel: ledger.client }
  const bulk = await requestBulkDeletion(work, caller, { usernames }, null)
  await lookAtBulk(boss, ledger.db, bulk, 0)
  return bulk.id
}

const ended = (id: bigint) =>
  expect.poll(() => findDeletion(ledger.db, id), { timeout: 40_000, interval: 100 })

test('replicas delete four users at a time together, and a caller with three does not wait for one with a hundred', async () => {
  const many = await createUsers('ada', 120)
  const few = await createUsers('ben', 3)
  let now = 0
  let most = 0
  ledger.panel.faults.add({
    kind: 'hook',
    method: 'DELETE',
    before: async () => {
      now += 1
      most = Math.max(most, now)
      await setTimeout(60)
    },
    after: () => {
      now -= 1
    },
  })
  const large = await request('ada', many)
  await expect.poll(() => ledger.panel.state.users.size, { timeout: 20_000, interval: 20 }).toBeLessThan(115)
  const small = await request('ben', few)
  await ended(small).toMatchObject({ state: 'deleted' })
  expect((await findDeletion(ledger.db, large))?.state).toBe('requested')
  await ended(large).toMatchObject({ state: 'deleted' })
  expect(most).toBeGreaterThan(1)
  expect(most).toBeLessThanOrEqual(4)
  const deletions = ledger.panel.requests.filter(({ method }) => method === 'DELETE')
  expect(deletions).toHaveLength(123)
  expect(await inconsistentAccounts(ledger.db)).toEqual([])
  expect(told).toEqual([])
}, 60_000)

test('a deletion that waits for the panel goes on by itself when it is back', async () => {
  const usernames = await createUsers('ada', 6)
  await ledger.panel.down()
  const id = await request('ada', usernames)
  await ended(id).toMatchObject({ state: 'requested', error: { code: 'panel_unreachable' } })
  await ledger.panel.up()
  await ended(id).toMatchObject({ state: 'deleted', error: null })
}, 60_000)
