import { request } from 'node:http'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { everyPanel } from '../../stand-in/every-panel.ts'
import { traitsOf } from '../../stand-in/release.ts'
import { inconsistentAccounts } from '../../support/ledger.ts'
import { send } from './raw.ts'
import { useFront } from './use-front.ts'

describe.each(everyPanel)('Marzban $release on $database', (panel) => {
  const { saysDone, stumblesOverMissingOwner, is08 } = traitsOf(panel.release)
  const front = useFront(panel)
  const { newUser, through, counted, tenureOf, receiptsOf } = front

  describe('DELETE /api/user/{username}', () => {
    test('preserves the final reading, gives the panel its word, and leaves a receipt', async () => {
      const username = newUser('ada', 1_000n)
      const answer = await through('DELETE', `/api/user/${username}`, 'ada')
      expect(answer).toMatchObject({
        status: 200,
        body: saysDone ? '{"detail":"User successfully deleted"}' : '{}',
      })
      expect(front.service.panel.state.users.has(username)).toBe(false)
      expect(await tenureOf(username)).toMatchObject({ counted: 1_000n, ended_by: 'service' })
      expect(await receiptsOf(username)).toEqual([
        { state: 'deleted', final_reading: 1_000n, requested_by: 'admin:ada', error: null },
      ])
    })

    test('is durable before the panel hears of it', async () => {
      const username = newUser('ada', 700n)
      let seen: unknown
      front.service.panel.faults.add({
        kind: 'hook',
        method: 'DELETE',
        before: async () => {
          seen = { counted: await counted(username), receipts: await receiptsOf(username) }
        },
      })
      await through('DELETE', `/api/user/${username}`, 'ada')
      expect(seen).toMatchObject({ counted: 700n, receipts: [{ state: 'preserved', final_reading: 700n }] })
    })

    test('of a user without an owner: whether the panel answers 500 or not, it has deleted it, and the receipt says so', async () => {
      const username = newUser(null, 50n)
      const answer = await through('DELETE', `/api/user/${username}`, 'root')
      expect(answer).toMatchObject(
        stumblesOverMissingOwner ? { status: 500, body: 'Internal Server Error' } : { status: 200 },
      )
      expect(await receiptsOf(username)).toMatchObject([{ state: 'deleted' }])
    })

    test('that the panel fails at is not known to have failed yet, and the user goes on being counted', async () => {
      const username = newUser('ada', 60n)
      front.service.panel.faults.add({ kind: 'answer', method: 'DELETE', status: 500 })
      const answer = await through('DELETE', `/api/user/${username}`, 'ada')
      expect(answer.status).toBe(502)
      expect(await receiptsOf(username)).toMatchObject([{ state: 'unknown' }])
      expect(await tenureOf(username)).toMatchObject({ counted: 60n, ended_by: null })
    })

    test.each([{ acts: true }, { acts: false }])(
      'whose answer is cut off ($acts) tells what became of it',
      async ({ acts }) => {
        const username = newUser('ada', 80n)
        front.service.panel.faults.add({ kind: 'cut', method: 'DELETE', acts })
        const answer = await through('DELETE', `/api/user/${username}`, 'ada')
        expect(answer.status).toBe(502)
        expect(JSON.parse(answer.body)).toEqual({
          detail: expect.stringContaining(acts ? 'was deleted and' : 'It is not known yet'),
        })
        expect(await receiptsOf(username)).toMatchObject([{ state: acts ? 'deleted' : 'unknown' }])
        expect(await counted(username)).toBe(80n)
      },
    )

    test('of a user that is gone already ends what the ledger held open', async () => {
      const username = newUser('ada', 90n)
      await front.service.scan()
      front.service.panel.state.deleteUser(username)
      const answer = await through('DELETE', `/api/user/${username}`, 'ada')
      expect(answer).toMatchObject({ status: 404, body: '{"detail":"User not found"}' })
      expect(await tenureOf(username)).toMatchObject({ counted: 90n, ended_by: 'panel' })
    })

    test('of a panel that is down: 502 in its own form, and nothing is stored', async () => {
      const username = newUser('ada', 95n)
      await front.service.panel.down()
      const answer = await through('DELETE', `/api/user/${username}`, 'ada')
      await front.service.panel.up()
      expect(answer).toMatchObject({ status: 502, headers: { 'retry-after': expect.any(String) } })
      expect(JSON.parse(answer.body)).toEqual({ detail: expect.stringContaining('cannot be reached') })
      expect(await receiptsOf(username)).toEqual([])
    })

    test.each([
      ['while the user is read', 'GET', { state: 'failed', exists: true }],
      ['once the panel has been told', 'DELETE', { state: 'deleted', exists: false }],
    ])('whose caller goes away %s', async (_when, method, { state, exists }) => {
      const username = newUser('ada', 96n)
      const { hostname, port } = new URL(front.address)
      const path = `/api/user/${username}`
      const headers = front.service.as('ada')
      const sent = request({ hostname, port, method: 'DELETE', path, headers, agent: false })
      sent.on('error', () => {})
      const { server } = front.service.app
      const connections = promisify(server.getConnections.bind(server))
      front.service.panel.faults.add({
        kind: 'hook',
        method,
        path,
        times: 1,
        before: async () => {
          sent.destroy()
          await expect.poll(() => connections()).toBe(0)
        },
      })
      sent.end()
      await expect.poll(() => receiptsOf(username)).toMatchObject([{ state, final_reading: 96n }])
      expect(front.service.panel.state.users.has(username)).toBe(exists)
    })

    test('twice at the same moment deletes once and counts once', async () => {
      const username = newUser('ada', 10n)
      const answers = await Promise.all([
        through('DELETE', `/api/user/${username}`, 'ada'),
        through('DELETE', `/api/user/${username}`, 'ada'),
      ])
      expect(answers.map(({ status }) => status).toSorted()[0]).toBe(200)
      expect([404, 409]).toContain(answers.map(({ status }) => status).toSorted()[1])
      expect(await counted(username)).toBe(10n)
    })
  })

  describe('a reset of one user', () => {
    // The panel says that there is no next plan, when it has carried it out. Before 0.8 there are no plans.
    test.each([['reset', 200] as const, ...(is08 ? [['active-next', 404] as const] : [])])(
      'by %s is read right before and right after',
      async (action, status) => {
        const nextPlan = { data_limit: 5, expire: null, add_remaining_traffic: false, fire_on_either: true }
        const username = newUser('ada', 300n, { nextPlan, dataLimit: 1_000 })
        const answer = await through('POST', `/api/user/${username}/${action}`, 'ada')
        expect(answer.status).toBe(status)
        expect(front.service.panel.state.mustFind(username).used).toBe(0n)
        expect(await counted(username)).toBe(300n)
        front.service.panel.state.accrue(username, 5)
        await front.service.scan()
        expect(await counted(username)).toBe(305n)
      },
    )
  })

  test('set-owner leaves the past with the owner it was consumed under', async () => {
    const username = newUser('ada', 400n)
    const answer = await through('PUT', `/api/user/${username}/set-owner?admin_username=bob`, 'root')
    expect(answer.status).toBe(200)
    front.service.panel.state.accrue(username, 7)
    await front.service.scan()
    expect(await counted(username)).toBe(400n)
    expect(await counted(username, 'bob')).toBe(7n)
  })

  test('set-owner whose answer is cut off is learned at once all the same', async () => {
    const username = newUser('ada', 400n)
    front.service.panel.faults.add({ kind: 'cut', method: 'PUT', acts: true })
    const answer = await through('PUT', `/api/user/${username}/set-owner?admin_username=bob`, 'root')
    expect(answer.status).toBe(502)
    expect([await counted(username), await counted(username, 'bob')]).toEqual([400n, 0n])
  })

  describe('DELETE /api/users/expired', () => {
    const past = Math.floor(Date.now() / 1000) - 1_000

    test('preserves exactly the users that it deletes', async () => {
      const expired = newUser('ada', 1n, { status: 'expired', expire: past })
      const limited = newUser('ada', 2n, { status: 'limited', expire: past })
      const others = newUser('bob', 3n, { status: 'expired', expire: past })
      const active = newUser('ada', 4n, { expire: past })
      const answer = await through('DELETE', '/api/users/expired', 'ada')
      expect(answer.status).toBe(200)
      expect(JSON.parse(answer.body)).toEqual([expired, limited])
      for (const name of [expired, limited]) {
        expect(front.service.panel.state.users.has(name)).toBe(false)
        expect(await receiptsOf(name)).toMatchObject([{ state: 'deleted', requested_by: 'admin:ada' }])
      }
      for (const name of [others, active]) {
        expect(front.service.panel.state.users.has(name)).toBe(true)
        expect(await receiptsOf(name)).toEqual([])
      }
      front.service.panel.state.deleteUser(others)
    })

    test('spares a user that expires after the panel was asked which', async () => {
      const expired = newUser('ada', 1n, { status: 'expired', expire: past })
      const later = newUser('ada', 2n, { expire: past })
      front.service.panel.faults.add({
        kind: 'hook',
        method: 'GET',
        path: '/api/users/expired',
        after: () => {
          front.service.panel.state.mustFind(later).status = 'expired'
        },
      })
      const answer = await through('DELETE', '/api/users/expired', 'ada')
      expect(JSON.parse(answer.body)).toEqual([expired])
      expect(front.service.panel.state.users.has(later)).toBe(true)
      front.service.panel.state.deleteUser(later)
    })

    test('spares a user that was renewed after the panel was asked which', async () => {
      const expired = newUser('ada', 1n, { status: 'expired', expire: past })
      const renewed = newUser('ada', 2n, { status: 'limited', expire: past })
      front.service.panel.faults.add({
        kind: 'hook',
        method: 'GET',
        path: '/api/users/expired',
        after: () => {
          front.service.panel.state.mustFind(renewed).status = 'active'
        },
      })
      const answer = await through('DELETE', '/api/users/expired', 'ada')
      expect([answer.status, JSON.parse(answer.body)]).toEqual([200, [expired]])
      expect(front.service.panel.state.users.has(renewed)).toBe(true)
      expect(await receiptsOf(renewed)).toEqual([])
    })

    test.each([
      '',
      '?expired_after=2001-01-01T00:00:00Z',
      '?expired_after=nonsense',
      '?expired_after=2001-01-01T00:00:00',
    ])('without any, or with a wrong time (%s), answers what the panel answers', async (query) => {
      const direct = await send(front.service.panel.url, 'DELETE', `/api/users/expired${query}`, {
        headers: front.service.as('ada'),
      })
      const answer = await through('DELETE', `/api/users/expired${query}`, 'ada')
      expect([answer.status, answer.body]).toEqual([direct.status, direct.body])
    })
  })

  test('after all of this every total is the sum of its parts', async () => {
    expect(await inconsistentAccounts(front.service.db)).toEqual([])
  })
})
