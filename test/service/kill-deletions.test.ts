import { afterAll, beforeAll, expect, test } from 'vitest'
import { type StandInPanel, startPanel } from '../stand-in/start.ts'
import { effort } from '../support/effort.ts'
import { accountOf, inconsistentAccounts, useLedger } from '../support/ledger.ts'
import { createRandom, type Random } from '../support/random.ts'
import { type ServiceProcess, startServiceProcess, until } from '../support/service-process.ts'
import { pollAndScan, throughFront } from './calls.ts'

const ledger = useLedger()
const admins = ['ada', 'ben', 'cyd']
/** One takes a second or two; `KILLS=200` for the night. */
const kills = effort('KILLS', { newcomer: 3, ci: 10 })
let panel: StandInPanel
/** The bytes each admin's users have really consumed. */
const truth = new Map<string, bigint>()

beforeAll(async () => {
  // Without the admins' own counters nothing makes up for a reading that was lost.
  panel = await startPanel({ hasUsage: false })
  for (const admin of admins) panel.state.createAdmin(admin)
})
afterAll(() => panel.close())

/** Where the service is when it is killed, by turns: as the panel sees it. The first has deleted a user for certain. */
const moments = [
  { method: 'DELETE', side: 'after' },
  { method: 'GET', side: 'before' },
  { method: 'GET', side: 'after' },
  { method: 'DELETE', side: 'before' },
] as const
type Moment = (typeof moments)[number]

test(`ends at the truth after ${kills} kills in the middle of deletions`, {
  timeout: 120_000 + kills * 5_000,
}, async () => {
  const seed = Date.now() % 1_000_000
  const random = createRandom(seed)
  const live = () => [...panel.state.users.keys()]
  // A deletion stays unknown for twice as long as the panel may take.
  const start = () => startServiceProcess(panel, { DATABASE_URL: ledger.url, MARZBAN_TIMEOUT: '5' })

  for (let kill = 0; kill < kills; kill += 1) {
    // While nobody deletes, users come and consume: some under names that were used before.
    while (panel.state.users.size < 12) {
      const username = `user${random(30)}`
      if (panel.state.users.has(username)) continue
      panel.state.createUser(username, { admin: admins[random(admins.length)] ?? 'ada' })
    }
    for (const user of panel.state.users.values()) {
      const bytes = BigInt(random(1_000))
      panel.state.accrue(user.username, bytes)
      const owner = user.owner?.username ?? ''
      truth.set(owner, (truth.get(owner) ?? 0n) + bytes)
    }
    const service = await start()
    await killAt(service, random, live(), moments[kill % moments.length] ?? moments[0])
  }

  const service = await start()
  await until('the killed deletions are settled', async () => {
    const open = await ledger.db
      .selectFrom('deletions')
      .select('id')
      .where('finished_at', 'is', null)
      .execute()
    return open.length === 0
  })
  await pollAndScan(service, ledger.db)
  expect(await service.end('SIGTERM')).toBe(0)

  expect(await inconsistentAccounts(ledger.db), `seed ${seed}`).toEqual([])
  for (const admin of admins) {
    expect((await accountOf(ledger.db, admin)).total, `seed ${seed}, ${admin}`).toBe(truth.get(admin) ?? 0n)
  }
  const receipts = await ledger.db.selectFrom('deletions').selectAll().where('kind', '=', 'user').execute()
  for (const { state, username, created_at } of receipts) {
    const user = panel.state.users.get(username ?? '')
    const exists = user !== undefined && created_at === user.createdAt.replace('T', ' ')
    if (state === 'deleted') expect(exists, `seed ${seed}: receipt of ${username}`).toBe(false)
    expect(['deleted', 'failed', 'gone', 'cancelled']).toContain(state)
  }
  expect(receipts.filter(({ state }) => state === 'deleted').length).toBeGreaterThan(kills / 4)
})

async function killAt(
  service: ServiceProcess,
  random: Random,
  users: string[],
  moment: Moment,
): Promise<void> {
  const killed = Promise.withResolvers<void>()
  const kill = () => {
    if (service.child.exitCode === null && !service.child.killed) {
      void service.end('SIGKILL').then(() => killed.resolve())
    }
  }
  panel.faults.clear()
  panel.faults.add({
    kind: 'hook',
    method: moment.method,
    [moment.side]: kill,
    path: /^\/api\/user\//,
    skip: moment === moments[0] ? 0 : random(4),
    times: 1,
  })
  const victims = users.filter((_, index) => index === 0 || random(3) === 0).slice(0, 4)
  const calls: Promise<unknown>[] =
    random(4) === 0
      ? [service.call('POST', '/deletions', { usernames: victims })]
      : victims.map((username) =>
          random(2) === 0
            ? service.call('DELETE', `/users/${username}`)
            : throughFront(service, panel, 'DELETE', `/api/user/${username}`),
        )
  // Chance may have chosen a moment that does not come.
  const fallback = Promise.allSettled(calls).then(() => setTimeout(kill, 30 + random(100)))
  await killed.promise
  await fallback
}
