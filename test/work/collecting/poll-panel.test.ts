import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { PanelClient } from '../../../src/panel/panel.ts'
import { findOpenAccount } from '../../../src/store/accounts/queries.ts'
import { readPanelPoll } from '../../../src/store/collecting/panel-poll.ts'
import { pollPanel } from '../../../src/work/collecting/poll-panel.ts'
import { createPanelLag } from '../../../src/work/observing/panel-lag.ts'
import { captivePortal, type FaultRule } from '../../stand-in/faults.ts'
import { connect, useDeleting } from '../../support/deleting.ts'
import { accountOf } from '../../support/ledger.ts'

const place = useDeleting()
let told: string[]
let clock = 0
let client: PanelClient
const poll = () =>
  pollPanel({
    db: place.db,
    panel: client,
    panelLag: createPanelLag(0),
    onFailure: ({ code }) => told.push(code),
    onRecovery: () => told.push('recovered'),
  })
/** Lets the panel's counter of an admin say `usage`. */
const count = (username: string, usage: bigint) => {
  const admin = place.panel.state.admins.get(username)
  if (admin) admin.usage = usage
}
const counters = { method: 'GET', path: '/api/admins' }

beforeEach(async () => {
  told = []
  client = connect(place.panel, () => clock)
  // Each test has a panel of its own and shares the ledger: the last test's panel may have failed.
  place.panel.state.createAdmin('ada').usage = 100n
  await poll()
  told = []
})
afterEach(() => client.close())

describe('a poll', () => {
  test('opens accounts for admins that are new', async () => {
    place.panel.state.createAdmin('newcomer').usage = 5n
    expect(await findOpenAccount(place.db, 'newcomer')).toBeNull()
    expect(await poll()).toBe(true)
    expect(await accountOf(place.db, 'newcomer')).toMatchObject({ total: 5n })
  })

  test('is one request, however many admins there are', async () => {
    for (let index = 0; index < 250; index += 1) place.panel.state.createAdmin(`reseller${index}`)
    place.panel.requests.length = 0
    await poll()
    const asked = place.panel.requests.filter(({ path }) => path === '/api/admins')
    expect(asked).toHaveLength(1)
  })

  const faults: [string, FaultRule[], string][] = [
    ['HTML', [{ ...captivePortal, ...counters }], 'panel_bad_answer'],
    ['half a body', [{ kind: 'half-body', acts: true, ...counters }], 'panel_bad_answer'],
    ['nothing', [{ kind: 'hang', ...counters }], 'panel_timeout'],
    ['a reset connection', [{ kind: 'cut', ...counters }], 'panel_unreachable'],
    ['500', [{ kind: 'answer', status: 500, ...counters }], 'panel_failed'],
    ['401 to a good password', [{ kind: 'answer', status: 401, ...counters }], 'panel_unauthorized'],
    [
      '401 to the login',
      [
        { kind: 'answer', status: 401, ...counters },
        { kind: 'answer', status: 401, path: '/api/admin/token' },
      ],
      'panel_unauthorized',
    ],
    ['403', [{ kind: 'answer', status: 403, ...counters }], 'panel_forbidden'],
    ['an object', [{ kind: 'answer', status: 200, body: '{"admins": []}', ...counters }], 'panel_bad_answer'],
  ]
  test.each(faults)(
    'notes that the panel answered %s, once, and that it answers again',
    async (_, rules, code) => {
      const { total } = await accountOf(place.db, 'ada')
      for (const rule of rules) place.panel.faults.add(rule)
      expect(await poll()).toBe(false)
      expect(await poll()).toBe(false)
      expect(told).toEqual([code])
      expect(await readPanelPoll(place.db)).toMatchObject({
        error: { code, message: expect.stringMatching(/[.?]$/) },
      })
      expect(await accountOf(place.db, 'ada')).toMatchObject({ total, panelFailing: true })
      place.panel.faults.clear()
      // For a while nobody logs in again, so that a wrong password does not look like an attack.
      clock += 31_000
      expect(await poll()).toBe(true)
      expect(told).toEqual([code, 'recovered'])
      expect(await readPanelPoll(place.db)).toMatchObject({ error: null })
      expect(await accountOf(place.db, 'ada')).toMatchObject({ panelFailing: false })
    },
  )

  test('survives a panel that is down', async () => {
    await place.panel.down()
    expect(await poll()).toBe(false)
    expect(told).toEqual(['panel_unreachable'])
    await place.panel.up()
    count('ada', 150n)
    expect(await poll()).toBe(true)
  })

  test('keeps the account of an admin that disappears and goes on with it when it is back', async () => {
    place.panel.state.createAdmin('cyd').usage = 10n
    await poll()
    const { id } = await accountOf(place.db, 'cyd')
    place.panel.state.deleteAdmin('cyd')
    await poll()
    expect(await accountOf(place.db, 'cyd')).toMatchObject({ id, total: 10n, missingSince: expect.any(Date) })
    place.panel.state.createAdmin('cyd').usage = 3n
    await poll()
    count('cyd', 7n)
    await poll()
    expect(await accountOf(place.db, 'cyd')).toMatchObject({ id, total: 14n, missingSince: null })
  })
})
