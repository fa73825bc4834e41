import { describe, expect, test } from 'vitest'
import { usersAnswer } from '../../src/panel/schemas.ts'
import type { PanelClient } from '../../src/panel/types.ts'
import { closeAfterTest, connected } from './facing.ts'
import { adminJson, type FakePanel, json, startFakePanel, userJson } from './fake-panel.ts'

let panel: FakePanel
let client: PanelClient

async function answering(body: unknown, path = ''): Promise<PanelClient> {
  panel = await startFakePanel((_request, response) => json(response, 200, body))
  closeAfterTest(panel.close)
  client = connected(`${panel.url}${path}`)
  return client
}

describe('what the panel answers', () => {
  test('a user, in the types of the ledger, unknown fields ignored', async () => {
    const user = await (await answering({ ...userJson, added_in_a_later_version: { deep: [1] } })).user(
      'ada_one',
    )
    expect(user).toEqual({
      username: 'ada_one',
      createdAt: '2026-11-22 10:32:39.350617',
      status: 'active',
      lifetimeUsedTraffic: 1500n,
      dataLimit: 10_000n,
      expire: 1_795_343_560n,
      owner: { username: 'ada', isSudo: false, usersUsage: 1540n },
      toldAt: expect.any(Number),
    })
  })

  test('no limit, no end and no owner, as null or as the 0 of older versions', async () => {
    await answering({
      users: [
        { ...userJson, data_limit: null, expire: null, admin: null },
        { ...userJson, data_limit: 0, expire: 0, created_at: '2026-11-22T10:32:39' },
      ],
      total: 2,
    })
    const { users, total } = await client.users({ offset: 0, limit: 100 })
    expect(total).toBe(2)
    expect(users[0]).toMatchObject({ dataLimit: null, expire: null, owner: null })
    expect(users[1]).toMatchObject({ dataLimit: null, expire: null, createdAt: '2026-11-22 10:32:39.000000' })
  })

  test('users_usage that is null, or absent as before Marzban 0.8, is null; 0 stays 0', async () => {
    const { users_usage: _, ...absent } = adminJson
    await answering([
      adminJson,
      { ...adminJson, users_usage: null },
      absent,
      { ...adminJson, users_usage: 0 },
    ])
    expect((await client.admins()).map(({ usersUsage }) => usersUsage)).toEqual([1540n, null, null, 0n])
  })

  test('the largest integer that JSON carries exactly is accepted, and nothing is lost of it', async () => {
    await answering({ ...userJson, lifetime_used_traffic: Number.MAX_SAFE_INTEGER })
    expect((await client.user('ada_one'))?.lifetimeUsedTraffic).toBe(9_007_199_254_740_991n)
  })

  test.each([
    ['lifetime_used_traffic', 2 ** 53],
    ['lifetime_used_traffic', 1e300],
    ['lifetime_used_traffic', 0.5],
    ['lifetime_used_traffic', -1],
    ['lifetime_used_traffic', '1500'],
    ['lifetime_used_traffic', null],
    ['lifetime_used_traffic', undefined],
    ['data_limit', 2 ** 53],
    ['expire', -1],
    ['created_at', '2026-11-22T10:32:39+03:30'],
    ['created_at', null],
    ['status', 'on_fire'],
    ['username', ''],
    ['username', 7],
    ['admin', undefined],
    ['admin', 'ada'],
    ['admin.username', undefined],
    ['admin.is_sudo', 1],
    ['admin.users_usage', 2 ** 53],
    ['admin.users_usage', 1.5],
  ])('a user whose %s is %j is refused by the name of the field', async (field, value) => {
    const [outer = '', inner] = field.split('.')
    const wrong = inner ? { admin: { ...adminJson, [inner]: value } } : { [outer]: value }
    await answering({ users: [userJson, userJson, userJson, { ...userJson, ...wrong }], total: 4 })
    const path = `users[3].${field}`
    const error = await client.users({ offset: 0, limit: 100 }).catch((caught: unknown) => caught)
    expect(error).toMatchObject({ code: 'panel_bad_answer', field: path })
    expect(error).toHaveProperty(
      'message',
      expect.stringContaining(`GET /api/users is not what Marzban answers: ${path} `),
    )
    expect(String(error)).not.toContain('secret')
  })

  test('a list of admins is refused by index and field', async () => {
    await answering([adminJson, { ...adminJson, users_usage: 2 ** 53 }])
    await expect(client.admins()).rejects.toMatchObject({
      code: 'panel_bad_answer',
      field: '[1].users_usage',
    })
  })

  test('an object where a list is expected is refused', async () => {
    await answering({ admins: [] })
    await expect(client.admins()).rejects.toMatchObject({ code: 'panel_bad_answer', field: undefined })
  })

  test('the message about a status names the five that exist and not the one that came', async () => {
    await answering({ ...userJson, status: 'on_fire' })
    const error = await client.user('ada_one').catch((caught: unknown) => caught)
    expect(String(error)).toContain('must be one of active, disabled, limited, expired, on_hold')
    expect(String(error)).not.toContain('on_fire')
  })

  test('pages of users are checked by compiled code', () => {
    expect(usersAnswer.IsAccelerated()).toBe(true)
  })
})

describe('what is asked', () => {
  test('below the base path of the address, with names and queries encoded', async () => {
    await answering({ ...userJson, users: [], total: 0 }, '/base/')
    await client.user('a b?c#d%41é@x.-_')
    await client.users({ admin: 'ada&limit=1', offset: 100, limit: 50 })
    expect(panel.requests).toEqual([
      'GET /base/api/user/a%20b%3Fc%23d%2541%C3%A9%40x.-_',
      'GET /base/api/users?admin=ada%26limit%3D1&offset=100&limit=50&sort=created_at%2Cusername',
    ])
    expect(panel.logins).toEqual(['username=root&password=pass-word-9c41'])
  })

  test.each(['', '.', '..', 'a/b', 'a\\b', '\ud800'])(
    'a name no path can carry, %j, is not sent',
    async (name) => {
      await answering({ detail: 'User successfully deleted' })
      const refused = { code: 'invalid_request', field: 'username' }
      await expect(client.user(name)).rejects.toMatchObject(refused)
      await expect(client.deleteUser(name)).rejects.toMatchObject(refused)
      await expect(client.deleteAdmin(name)).rejects.toMatchObject(refused)
      expect(panel.requests).toEqual([])
    },
  )
})
