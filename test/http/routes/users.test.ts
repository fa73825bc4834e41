import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { NewUser } from '../../stand-in/records.ts'
import { startTestService, type TestService, withKey } from '../service.ts'

const large = 2n ** 53n + 1n
const largestRead = Number.MAX_SAFE_INTEGER

let service: TestService
let id: bigint
beforeAll(async () => {
  service = await startTestService({ admins: [{ username: 'ana' }, { username: 'bob' }] })
  await service.poll()
  id = await service.idOf('ana')
  const { state } = service.panel
  const admin = 'ana'
  const users: [string, NewUser][] = [
    [
      'first',
      {
        admin,
        createdAt: '2026-11-22T10:32:38.350617',
        lifetime: BigInt(largestRead),
        dataLimit: largestRead,
        expire: 1_795_000_000,
      },
    ],
    ['whole', { admin, createdAt: '2026-11-22T10:32:39', status: 'disabled' }],
    ['gone', { admin, lifetime: 7n }],
    ['moved', { admin, lifetime: 9n }],
    ['last', { admin }],
    ['of-bob', { admin: 'bob' }],
  ]
  // One scan for each user, so that the order of first sight is fixed.
  for (const [username, user] of users) {
    state.createUser(username, user)
    await service.scan()
  }
  state.deleteUser('gone')
  state.setOwner('moved', 'bob')
  // The panel's numbers stay below 2^53. A reset lifts the counted bytes above it.
  state.mustFind('first').used = 0n
  await service.scan()
  state.accrueUser('first', 2)
  state.accrueUser('moved', 1)
  await service.scan()
})
afterAll(() => service.close())

const get = (tail = '') => service.app.inject({ url: `/admins/${id}/users${tail}`, headers: withKey })
const names = async (tail: string) =>
  (await get(tail)).json().items.map((user: { username: string }) => user.username)

describe('GET /admins/{id}/users', () => {
  test('each user has its exact bytes, and its time of creation in microseconds', async () => {
    const answer = await get('?limit=1')
    expect(answer.json().items).toEqual([
      {
        username: 'first',
        created_at: '2026-11-22T10:32:38.350617Z',
        status: 'active',
        counted_traffic: Number(large),
        lifetime_reading: 2,
        data_limit: largestRead,
        expire: 1_795_000_000,
        state: 'current',
        ended_at: null,
        ended_by: null,
      },
    ])
    expect(answer.body).toContain(
      `"counted_traffic":${large},"lifetime_reading":2,"data_limit":${largestRead},`,
    )
  })

  test('users that are gone are listed with the reason', async () => {
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

  test.each([
    ['', ['first', 'whole', 'gone', 'moved', 'last']],
    ['?state=current', ['first', 'whole', 'last']],
    ['?state=ended', ['gone', 'moved']],
    ['?state=current,ended', ['first', 'whole', 'gone', 'moved', 'last']],
    ['?state=current&state=ended', ['first', 'whole', 'gone', 'moved', 'last']],
  ])('users can be listed by state: %s', async (tail, expected) => {
    expect(await names(tail)).toEqual(expected)
  })

  test.each(['', '&state=current', '&state=ended'])(
    'pages hold every user once, with the filter "%s"',
    async (filter) => {
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
    },
  )

  test('whole seconds have the same form as fractions', async () => {
    const { items } = (await get('?state=current')).json()
    expect(items[1]).toMatchObject({ username: 'whole', created_at: '2026-11-22T10:32:39.000000Z' })
  })
})
