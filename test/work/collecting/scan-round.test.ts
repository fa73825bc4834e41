import { sql } from 'kysely'
import { beforeEach, describe, expect, test } from 'vitest'
import { beginRound } from '../../../src/store/collecting/scan-round.ts'
import { beginScan, failScan, listFailedScans, requestScans } from '../../../src/store/collecting/scans.ts'
import { drawAsked } from '../../../src/store/connection/logical-clock.ts'
import { restAfterAnswer } from '../../../src/work/collecting/panel-budget.ts'
import { createScanLog } from '../../../src/work/collecting/scan-log.ts'
import { scanDueAdmins } from '../../../src/work/collecting/scan-round.ts'
import { pollAdmins } from '../../../src/work/observing/observe-admins.ts'
import { createPanelLag } from '../../../src/work/observing/panel-lag.ts'
import { unhurried, useDeleting, workOf } from '../../support/deleting.ts'
import { accountOf } from '../../support/ledger.ts'
import { readScanRound } from '../../support/scan-round.ts'

const place = useDeleting()
const intervalSeconds = 600
let failed: [string, string][]
let seen: { admin: string; usersDone: number; usersTotal: number }[]

beforeEach(async () => {
  failed = []
  seen = []
  await sql`truncate admins, cumulative_traffic, tenures, scans cascade`.execute(place.db)
  for (const admin of ['ada', 'ben', 'cyd']) place.panel.state.createAdmin(admin)
  place.panel.state.createUser('u1', { admin: 'ada' })
  place.panel.state.createUser('u2', { admin: 'ben' })
  place.panel.state.createUser('u3', { admin: 'ben' })
})

const poll = async () =>
  pollAdmins({ db: place.db, panel: place.client, panelLag: createPanelLag(0) }, await drawAsked(place.db))
/** The same of a panel that is an older Marzban: it does not count by admin. */
async function pollOlder(): Promise<void> {
  const older = {
    ...place.client,
    adminList: async () => {
      const { admins, ...rest } = await place.client.adminList()
      return { ...rest, admins: admins.map((admin) => ({ ...admin, usersUsage: null })) }
    },
  }
  const asked = await drawAsked(place.db)
  await pollAdmins({ db: place.db, panel: older, panelLag: createPanelLag(0) }, asked)
}
/** One round; returns the admins whose users were asked for. */
async function round(signal = new AbortController().signal): Promise<string[]> {
  seen = []
  await scanDueAdmins(
    { ...workOf(place), ...unhurried, signal },
    {
      intervalSeconds,
      onProgress: (progress) => seen.push(progress),
      onFailure: (admin, { code }) => failed.push([admin, code]),
    },
  )
  return [...new Set(seen.map(({ admin }) => admin))]
}
/** As if the last scans had been made so many seconds earlier. */
const age = (seconds: number) =>
  sql`update scans set started_at = started_at - make_interval(secs => ${seconds}),
    finished_at = finished_at - make_interval(secs => ${seconds}),
    requested_at = requested_at - make_interval(secs => ${seconds})`.execute(place.db)

describe('scans are due', () => {
  test('of admins that are new, at once; and then of nobody', async () => {
    await poll()
    expect(await round()).toEqual(['ada', 'ben', 'cyd'])
    expect(seen.at(-1)).toMatchObject({ usersDone: 3, usersTotal: 3 })
    expect(await round()).toEqual([])
    place.panel.state.createAdmin('dan')
    await poll()
    expect(await round()).toEqual(['dan'])
  })

  test('after the interval, of the admins whose counter has moved', async () => {
    await poll()
    await round()
    place.panel.state.accrue('u2', 5)
    await poll()
    expect(await round()).toEqual([])
    await age(intervalSeconds + 1)
    expect(await round()).toEqual(['ben'])
  })

  test('of all admins whenever the panel keeps no counters', async () => {
    await poll()
    await round()
    await sql`update cumulative_traffic set panel_reading = null`.execute(place.db)
    await age(intervalSeconds + 1)
    expect(await round()).toEqual(['ada', 'ben', 'cyd'])
  })

  test('of all admins once the panel counts no more, as after a way back to Marzban 0.7', async () => {
    place.panel.state.accrue('u1', 5)
    await poll()
    await round()
    await pollOlder()
    place.panel.state.accrue('u1', 7)
    await age(intervalSeconds + 1)
    expect(await round()).toEqual(['ada', 'ben', 'cyd'])
    expect((await accountOf(place.db, 'ada')).total).toBe(12n)
    expect(await round()).toEqual([])
  })

  test('of all admins once the panel counts again: it has not counted what went before', async () => {
    place.panel.state.accrue('u1', 5)
    await poll()
    await round()
    await pollOlder()
    await age(intervalSeconds + 1)
    await round()
    place.panel.state.accrueUser('u1', 7)
    await poll()
    expect(await round()).toEqual(['ada', 'ben', 'cyd'])
    expect((await accountOf(place.db, 'ada')).total).toBe(12n)
    await poll()
    expect(await round()).toEqual([])
  })

  test('of an admin that has disappeared, for its users', async () => {
    await poll()
    await round()
    place.panel.state.deleteAdmin('ben')
    await poll()
    await age(intervalSeconds + 1)
    await sql`update admins set missing_since = clock_timestamp() where username = 'ben'`.execute(place.db)
    await round()
    const owners = await place.db
      .selectFrom('tenures')
      .select('ended_by')
      .where('username', '=', 'u2')
      .orderBy('id')
      .execute()
    // It goes on without an owner: no account is charged any more.
    expect(owners).toEqual([{ ended_by: 'transfer' }, { ended_by: null }])
  })

  test('of everybody who was asked for', async () => {
    await poll()
    await round()
    await requestScans(place.db)
    expect(await round()).toEqual(['ada', 'ben', 'cyd'])
    expect(await round()).toEqual([])
  })

  test('of an admin whose scan failed, a minute later', async () => {
    await poll()
    await round()
    await requestScans(place.db)
    place.panel.faults.add({ kind: 'answer', status: 200, body: '{}', path: '/api/users', times: 1 })
    expect(await round()).toEqual(['ben', 'cyd'])
    expect(failed).toEqual([['ada', 'panel_bad_answer']])
    expect(await round()).toEqual([])
    await age(61)
    expect(await round()).toEqual(['ada'])
  })
})

describe('a round', () => {
  test('ends neither for one admin whose users the panel fails at, nor says that it runs when it has ended', async () => {
    await poll()
    place.panel.faults.add({ kind: 'answer', status: 502, path: '/api/users', times: 3, skip: 3 })
    expect(await round()).toEqual(['ada', 'cyd'])
    expect(failed).toEqual([['ben', 'panel_failed']])
    expect(await readScanRound(place.db)).toMatchObject({ finishedAt: expect.any(Date) })
  })

  test('asks a panel that fails at everything for one admin only', async () => {
    await poll()
    place.panel.faults.add({ kind: 'answer', status: 502, path: /^\/api/ })
    await expect(round()).rejects.toMatchObject({ code: 'panel_failed' })
    expect(failed).toEqual([['ada', 'panel_failed']])
    expect(await readScanRound(place.db)).toMatchObject({ finishedAt: expect.any(Date) })
  })

  test('ends when the panel does not answer, and goes on where it was', async () => {
    await poll()
    place.panel.faults.add({ kind: 'hang', path: '/api/users', skip: 3 })
    await expect(round()).rejects.toMatchObject({ code: 'panel_timeout' })
    expect(seen.map(({ admin }) => admin)).toEqual(['ada'])
    expect(failed).toEqual([['ben', 'panel_timeout']])
    // Nothing runs any more: what is left is due.
    expect(await readScanRound(place.db)).toMatchObject({ finishedAt: expect.any(Date) })
    place.panel.faults.clear()
    expect(await round()).toEqual(['cyd'])
    await age(61)
    expect(await round()).toEqual(['ben'])
    expect(await readScanRound(place.db)).toMatchObject({ finishedAt: expect.any(Date) })
  })

  test('whose service lost its place does not end the round that another one has begun', async () => {
    await poll()
    const lost = new AbortController()
    const rest = async () => {
      if (lost.signal.aborted) return
      // Its heartbeat was missed: another service goes on, and this one hears of it.
      await beginRound(place.db, { admins: 3, users: 3 })
      lost.abort()
    }
    const work = { ...workOf(place), ...unhurried, rest, signal: lost.signal }
    const options = { intervalSeconds, onProgress: () => {}, onFailure: () => {} }
    await expect(scanDueAdmins(work, options)).rejects.toThrow()
    expect((await readScanRound(place.db)).finishedAt).toBeNull()
    await round()
    expect((await readScanRound(place.db)).finishedAt).not.toBeNull()
  })

  test('whose service lost its place does not end the scan that another one has begun', async () => {
    await poll()
    await round()
    await requestScans(place.db)
    const { id } = await accountOf(place.db, 'ada')
    const lost = new AbortController()
    const rest = async () => {
      if (lost.signal.aborted) return
      lost.abort()
      place.panel.state.accrueUser('u1', 5)
      await requestScans(place.db)
      // The other one answers this request, and is killed.
      await beginScan(place.db, id, 0n)
    }
    const work = { ...workOf(place), ...unhurried, rest, signal: lost.signal }
    const options = { intervalSeconds, onProgress: () => {}, onFailure: () => {} }
    await expect(scanDueAdmins(work, options)).rejects.toThrow()
    expect(await round()).toContain('ada')
    expect((await accountOf(place.db, 'ada')).total).toBe(5n)
  })

  test('forgets that a scan failed which another service had begun before', async () => {
    await poll()
    const { id } = await accountOf(place.db, 'ada')
    let answers = 0
    const rest = async () => {
      answers += 1
      if (answers > 1) return
      // A scan of the same admin, whose service lost its place, gives up while this one runs.
      await failScan(place.db, id, { code: 'panel_timeout', message: 'The panel hangs.' })
    }
    const work = { ...workOf(place), ...unhurried, rest }
    await scanDueAdmins(work, { intervalSeconds, onProgress: () => {}, onFailure: () => {} })
    expect(await listFailedScans(place.db, 9)).toEqual([])
    await age(61)
    expect(await round()).toEqual([])
  })

  test('that was interrupted by a restart goes on at once', async () => {
    await poll()
    const stopping = new AbortController()
    place.panel.faults.add({
      kind: 'hook',
      path: '/api/users',
      skip: 1,
      times: 1,
      after: () => stopping.abort(),
    })
    await expect(round(stopping.signal)).rejects.toThrow('aborted')
    const rest = await round()
    expect(new Set([...rest, 'ada'])).toEqual(new Set(['ada', 'ben', 'cyd']))
  })

  test('says in the log how far it is: at once, every few seconds, and at the end', () => {
    const lines: string[] = []
    let now = 0
    const log = createScanLog({ info: (_, message) => lines.push(message) }, () => now)
    const tell = (usersDone: number, adminsDone = 0) =>
      log({ usersDone, usersTotal: 500, adminsDone, adminsTotal: 1, admin: 'ada' })
    tell(100)
    now = 1_000
    tell(200)
    now = 5_000
    tell(300)
    now = 5_001
    tell(400)
    tell(500, 1)
    expect(lines).toEqual([
      'scanned 100 of 500 users',
      'scanned 300 of 500 users',
      'scanned 500 of 500 users',
    ])
  })
})

describe('the rest after an answer', () => {
  test('is three times as long, so that the panel is busy a quarter of the time', async () => {
    const begun = performance.now()
    await restAfterAnswer(40, new AbortController().signal)
    // A timer may fire a little early, by the clock it is measured with.
    expect(performance.now() - begun).toBeGreaterThan(115)
  })

  test('ends early when the service stops', async () => {
    const stopping = new AbortController()
    const rest = restAfterAnswer(3_600_000, stopping.signal)
    stopping.abort()
    await expect(rest).resolves.toBeUndefined()
  })
})
