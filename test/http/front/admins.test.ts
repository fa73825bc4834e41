import { describe, expect, test } from 'vitest'
import { eachRelease } from '../../stand-in/every-panel.ts'
import { traitsOf } from '../../stand-in/release.ts'
import { passGrace } from '../../support/deleting.ts'
import { inconsistentAccounts } from '../../support/ledger.ts'
import { useFront } from './use-front.ts'

describe.each(eachRelease)('Marzban $release on $database', (panel) => {
  const { saysDone, hasUsage } = traitsOf(panel.release)
  const front = useFront(panel)
  const { newUser, through } = front

  async function account(id: bigint) {
    return front.service.db
      .selectFrom('admins')
      .innerJoin('cumulative_traffic', 'admin_id', 'id')
      .select([
        'closed_at',
        'total_traffic_consumed as total',
        'panel_counted',
        'users_counted',
        'preserved_counted',
      ])
      .where('id', '=', id)
      .executeTakeFirstOrThrow()
  }

  async function receiptsOf(id: bigint) {
    return front.service.db
      .selectFrom('deletions')
      .select(['kind', 'state', 'requested_by', 'total_traffic', 'error_code'])
      .where('admin_id', '=', id)
      .where('kind', '=', 'admin')
      .execute()
  }

  let serial = 0

  /** An admin that the ledger knows, with two users that nobody has read; `id` is its account's. */
  async function newAdmin(): Promise<{ id: bigint; target: string; username: string; users: string[] }> {
    serial += 1
    const username = `eve_${serial}`
    front.service.panel.state.createAdmin(username)
    await front.service.poll()
    const users = [newUser(username, 30n), newUser(username, 31n)]
    const id = await front.service.idOf(username)
    return { id, target: `/api/admin/${username}`, username, users }
  }

  test.runIf(hasUsage)("a reset of an admin's usage is read right before and right after", async () => {
    const panelCounted = async () => (await account(await front.service.idOf('bob'))).panel_counted
    const username = newUser('bob', 0n)
    await front.service.poll()
    const before = await panelCounted()
    front.service.panel.state.accrue(username, 900)
    const answer = await through('POST', '/api/admin/usage/reset/bob', 'root')
    expect(answer.status).toBe(200)
    expect(await panelCounted()).toBe(before + 900n)
    front.service.panel.state.accrue(username, 50)
    await front.service.poll()
    expect(await panelCounted()).toBe(before + 950n)
  })

  test.runIf(!hasUsage)(
    'a panel without counters of admins says itself that it has no such call',
    async () => {
      const before = await account(await front.service.idOf('bob'))
      const answer = await through('POST', '/api/admin/usage/reset/bob', 'root')
      expect([answer.status, answer.body]).toEqual([404, '{"detail":"Not Found"}'])
      expect(await account(await front.service.idOf('bob'))).toEqual(before)
    },
  )

  test.runIf(hasUsage)(
    "an admin's usage that is polled at the same moment is read again before it is reset",
    async () => {
      const username = newUser('bob', 0n)
      await front.service.poll()
      const id = await front.service.idOf('bob')
      const before = (await account(id)).panel_counted
      front.service.panel.faults.add({
        kind: 'hook',
        method: 'GET',
        path: '/api/admins',
        times: 1,
        before: async () => {
          front.service.panel.state.accrue(username, 1)
          await front.service.poll()
          front.service.panel.state.accrue(username, 900)
        },
      })
      expect((await through('POST', '/api/admin/usage/reset/bob', 'root')).status).toBe(200)
      expect((await account(id)).panel_counted).toBe(before + 901n)
    },
  )

  describe('DELETE /api/admin/{username}', () => {
    test('reads all its users, closes the account and leaves a receipt', async () => {
      const {
        id,
        target,
        username,
        users: [name = ''],
      } = await newAdmin()
      const answer = await through('DELETE', target, 'root')
      expect(answer).toMatchObject({
        status: 200,
        body: saysDone ? '{"detail":"Admin removed successfully"}' : '{}',
      })
      expect(front.service.panel.state.admins.has(username)).toBe(false)
      expect(await account(id)).toMatchObject({
        closed_at: expect.any(Date),
        total: 61n,
        preserved_counted: 61n,
      })
      expect(await receiptsOf(id)).toEqual([
        { kind: 'admin', state: 'deleted', requested_by: 'admin:root', total_traffic: 61n, error_code: null },
      ])
      // They stay, without an owner, and nobody is charged for them from then on.
      front.service.panel.state.accrue(name, 1_000)
      await front.service.scan()
      expect((await account(id)).total).toBe(61n)
      front.service.panel.state.setOwner(name, 'bob')
      await front.service.scan()
      expect(await front.counted(name, 'bob')).toBe(0n)
      expect(await inconsistentAccounts(front.service.db)).toEqual([])
    })

    test('does not ask for each of its users after the panel has answered', async () => {
      const { target } = await newAdmin()
      front.service.takeAsked()
      await through('DELETE', target, 'root')
      const asked = front.service.takeAsked()
      expect(asked.slice(asked.indexOf(`DELETE ${target}`) + 1)).toEqual([])
    })

    test('has its receipt and all readings durable before the panel hears of it', async () => {
      const { id, target } = await newAdmin()
      let seen: unknown
      front.service.panel.faults.add({
        kind: 'hook',
        method: 'DELETE',
        before: async () => {
          seen = { ...(await account(id)), receipts: await receiptsOf(id) }
        },
      })
      await through('DELETE', target, 'root')
      expect(seen).toMatchObject({ total: 61n, closed_at: null, receipts: [{ state: 'preserved' }] })
    })

    test('of a sudo admin is refused by the panel, and leaves nothing', async () => {
      const id = await front.service.idOf('root')
      const answer = await through('DELETE', '/api/admin/root', 'root')
      expect(answer.status).toBe(403)
      expect(await receiptsOf(id)).toEqual([])
      expect((await account(id)).closed_at).toBeNull()
    })

    test.each([{ acts: true }, { acts: false }])(
      'whose answer is cut off ($acts) tells what became of it',
      async ({ acts }) => {
        const { id, target } = await newAdmin()
        front.service.panel.faults.add({ kind: 'cut', method: 'DELETE', acts })
        const answer = await through('DELETE', target, 'root')
        expect(answer.status).toBe(502)
        expect(JSON.parse(answer.body)).toEqual({
          detail: expect.stringContaining(acts ? 'was deleted and' : 'It is not known yet'),
        })
        expect(await receiptsOf(id)).toMatchObject([{ state: acts ? 'deleted' : 'unknown' }])
        expect((await account(id)).closed_at).toEqual(acts ? expect.any(Date) : null)
      },
    )

    test.each([{ acts: true }, { acts: false }])(
      'of which nobody knows what became ($acts) is settled later',
      async ({ acts }) => {
        const { id, target } = await newAdmin()
        const { panel, db } = front.service
        panel.faults.add({ kind: 'answer', method: 'DELETE', status: 500, acts })
        panel.faults.add({ kind: 'answer', method: 'GET', path: /^\/api\/admin\/usage/, status: 500 })
        expect((await through('DELETE', target, 'root')).status).toBe(502)
        expect(await receiptsOf(id)).toMatchObject([{ state: 'unknown' }])
        expect((await through('DELETE', target, 'root')).status).toBe(acts ? 404 : 409)
        panel.faults.clear()
        await passGrace(front.service)
        await front.service.settle()
        expect(await receiptsOf(id)).toMatchObject([{ state: acts ? 'deleted' : 'failed' }])
        expect((await account(id)).closed_at).toEqual(acts ? expect.any(Date) : null)
        expect(await inconsistentAccounts(db)).toEqual([])
      },
    )
  })
})
