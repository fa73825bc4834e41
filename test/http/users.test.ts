import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { panelUser } from './panel.ts'
import { startTestService, type TestService, withKey } from './service.ts'

const ana = { username: 'ana', isSudo: false, usersUsage: 0n }
const bob = { username: 'bob', isSudo: false, usersUsage: 0n }
const large = 2n ** 60n + 1n

let service: TestService
let id: bigint
beforeAll(async () => {
  service = await startTestService({ admins: [ana, bob] })
  await service.poll()
  id = await service.idOf('ana')
  const users = [
    panelUser('first', ana, { lifetimeUsedTraffic: large, dataLimit: large + 1n, expire: 1_795_000_000n }),
    panelUser('whole', ana, { createdAt: '2026-11-22 10:32:39.000000', status: 'disabled' }),
    panelUser('gone', ana, { lifetimeUsedTraffic: 7n }),
    panelUser('moved', ana, { lifetimeUsedTraffic: 9n }),
    panelUser('last', ana),
    panelUser('of-bob', bob),
  ]
  // One after another, so that the order in which they were first seen is this one.
  for (const user of users) await service.observe(user)
  await service.lose('gone')
  await service.observe(panelUser('moved', bob, { lifetimeUsedTraffic: 10n }))
})
afterAll(() => service.close())

const get = (tail = '') => service.app.inject({ url: `/admins/${id}/users${tail}`, headers: withKey })
const names = async (tail: string) =>
  (await get(tail)).json().items.map((user: { username: string }) => user.username)

describe('GET /admins/{id}/users', () => {
  it('tells of each user what it counted, exactly, and when it was created, to the microsecond', async () => {
    const answer = await get('?limit=1')
    expect(answer.json().items).toEqual([
      {
        username: 'first',
        created_at: '2026-11-22T10:32:39.350617Z',
        status: 'active',
        counted_traffic: Number(large),
        lifetime_reading: Number(large),
        data_limit: Number(large + 1n),
        expire: 1_795_000_000,
        state: 'current',
        ended_at: null,
        ended_by: null,
      },
    ])
    expect(answer.body).toContain(
      `"counted_traffic":${large},"lifetime_reading":${large},"data_limit":${large + 1n},`,
    )
  })

  it('tells of those that are gone, and why', async () => {
    const { items } = (await get('?state=ended')).json()
    expect(items).toMatchObject([
      {
        username: 'gone',
        state: 'ended',
        counted_traffic: 7,
        ended_by: 'panel',
        ended_at: expect.any(String),
      },
      {
        username: 'moved',
        state: 'ended',
        counted_traffic: 9,
        ended_by: 'transfer',
        ended_at: expect.any(String),
      },
    ])
  })

  it.each([
    ['', ['first', 'whole', 'gone', 'moved', 'last']],
    ['?state=current', ['first', 'whole', 'last']],
    ['?state=ended', ['gone', 'moved']],
    ['?state=current,ended', ['first', 'whole', 'gone', 'moved', 'last']],
    ['?state=current&state=ended', ['first', 'whole', 'gone', 'moved', 'last']],
  ])('lists users by state: %s', async (tail, expected) => {
    expect(await names(tail)).toEqual(expected)
  })

  it.each(['', '&state=current', '&state=ended'])('walks pages%s', async (filter) => {
    const whole = (await get(`?${filter.slice(1)}`)).json().items
    const walked = []
    let cursor: string | null = null
    do {
      const answer: { items: unknown[]; next_cursor: string | null } = (
        await get(`?limit=2${filter}${cursor ? `&cursor=${cursor}` : ''}`)
      ).json()
      walked.push(...answer.items)
      cursor = answer.next_cursor
    } while (cursor !== null && walked.length < 20)
    expect(walked).toEqual(whole)
  })

  it('keeps whole seconds in one spelling', async () => {
    const { items } = (await get('?state=current')).json()
    expect(items[1]).toMatchObject({ username: 'whole', created_at: '2026-11-22T10:32:39.000000Z' })
  })
})
