import { describe, expect, test } from 'vitest'
import { usersAnswer } from '../../../src/panel/marzban/schemas.ts'
import type { PanelClient } from '../../../src/panel/panel.ts'
import { closeAfterTest, connected } from '../facing.ts'
import { adminJson, type FakePanel, json, startFakePanel, userJson } from '../fake-panel.ts'

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
      usedTraffic: 7n,
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
    expect((await client.adminList()).admins.map(({ usersUsage }) => usersUsage)).toEqual([
      1540n,
      null,
      null,
      0n,
    ])
  })

  test.each([
    ['2^53 - 1', 2n ** 53n - 1n],
    ['2^53 + 1, which no JavaScript number is', 2n ** 53n + 1n],
    ['2^63 - 1', 2n ** 63n - 1n],
  ])('a lifetime of %s is read exactly', async (_, bytes) => {
    await answeringText(JSON.stringify({ ...userJson, lifetime_used_traffic: 0 }), bytes)
    expect((await client.user('ada_one'))?.lifetimeUsedTraffic).toBe(bytes)
  })

  test('a whole number is one, however it is written', async () => {
    await answeringText(JSON.stringify({ ...userJson, lifetime_used_traffic: 0 }), '5.0')
    expect((await client.user('ada_one'))?.lifetimeUsedTraffic).toBe(5n)
  })

  test.each([
    ['lifetime_used_traffic', 2 ** 63],
    ['lifetime_used_traffic', 1e300],
    ['lifetime_used_traffic', 0.5],
    ['lifetime_used_traffic', -1],
    ['lifetime_used_traffic', '1500'],
    ['lifetime_used_traffic', null],
    ['lifetime_used_traffic', undefined],
    ['created_at', 'yesterday'],
    ['created_at', null],
    ['username', ''],
    ['username', 'a\0b'],
    ['username', 'a\ud800'],
    ['username', 7],
    ['username', undefined],
    ['admin', undefined],
    ['admin', 'ada'],
    ['admin.username', undefined],
    ['admin.username', ''],
  ])('a user whose %s is %j is left out of its page, and only it', async (field, value) => {
    await answering({
      users: [userJson, withField(field, value), { ...userJson, username: 'last' }],
      total: 3,
    })
    const { users, unreadable, total } = await client.users({ offset: 0, limit: 100 })
    expect(total).toBe(3)
    expect(users.map(({ username }) => username)).toEqual(['ada_one', 'last'])
    expect(unreadable).toEqual([
      { kind: 'user', name: nameIn(field, value), index: 1, reason: expect.stringContaining(field) },
    ])
  })

  test.each([null, 7, 'ada', [], true])('an item that is %j is left out', async (item) => {
    await answering({ users: [item, userJson], total: 2 })
    const { users, unreadable } = await client.users({ offset: 0, limit: 100 })
    expect(users).toHaveLength(1)
    expect(unreadable).toMatchObject([{ name: null, index: 0 }])
  })

  test.each([
    ['data_limit', 2 ** 63, { dataLimit: null }],
    ['data_limit', -5, { dataLimit: null }],
    ['data_limit', undefined, { dataLimit: null }],
    ['data_limit', '10 GB', { dataLimit: null }],
    ['expire', -1, { expire: null }],
    ['expire', 1.5, { expire: null }],
    ['expire', 100_000_000_000_000, { expire: 100_000_000_000_000n }],
    ['status', 'on_fire', { status: 'on_fire' }],
    ['status', undefined, { status: 'unknown' }],
    ['status', 'deleted', { status: 'unknown' }],
    ['status', `\0${'\u{1f525}'.repeat(100)}`, { status: '\u{1f525}'.repeat(32) }],
    ['created_at', '2026-01-31T01:50:30.123456+03:30', { createdAt: '2026-01-30 22:20:30.123456' }],
    ['admin.is_sudo', 1, { owner: { username: 'ada', isSudo: false, usersUsage: 1540n } }],
    ['admin.users_usage', -7, { owner: { username: 'ada', isSudo: false, usersUsage: null } }],
  ])('a user whose %s is %j is read all the same', async (field, value, expected) => {
    await answering({ users: [withField(field, value)], total: 1 })
    const { users, unreadable } = await client.users({ offset: 0, limit: 100 })
    expect(unreadable).toEqual([])
    expect(users).toMatchObject([{ username: 'ada_one', lifetimeUsedTraffic: 1500n, ...expected }])
  })

  test('the error about a user that cannot be counted names it, the reason and the remedy, and no value', async () => {
    await answering({ ...userJson, lifetime_used_traffic: 'secret' })
    const error = await client.user('ada_one').catch((caught: unknown) => caught)
    expect(error).toMatchObject({
      code: 'user_unreadable',
      message: expect.stringMatching(/ada_one .*lifetime_used_traffic is no number.*preserve_traffic=false/),
    })
    expect(String(error)).not.toContain('secret')
  })

  test.each([{}, { detail: 'fine' }, [], null, { username: 7 }])(
    'asked by name, %j is no answer about a user',
    async (body) => {
      await answering(body)
      await expect(client.user('ada_one')).rejects.toMatchObject({ code: 'panel_bad_answer' })
    },
  )

  test.each([
    ['', 'is empty'],
    ['a\0', 'U+0000'],
    ['\ud800', 'half a character'],
    [undefined, 'is missing'],
  ])('an admin named %j is left out, and only it', async (username, reason) => {
    await answering([adminJson, { ...adminJson, username }])
    expect(await client.adminList()).toEqual({
      admins: [{ username: 'ada', isSudo: false, usersUsage: 1540n }],
      unreadable: [
        { kind: 'admin', name: username ?? null, index: 1, reason: expect.stringContaining(reason) },
      ],
    })
    expect((await client.adminList()).admins).toHaveLength(1)
  })

  test.each([2 ** 63, 1.5, -1, '7'])(
    'an admin whose counter is %j has none, and it is said why',
    async (usage) => {
      await answering([{ ...adminJson, users_usage: usage }])
      const oddUsage = expect.stringContaining('users_usage')
      expect((await client.adminList()).admins).toEqual([
        { username: 'ada', isSudo: false, usersUsage: null, oddUsage },
      ])
    },
  )

  test('an object where a list is expected is refused', async () => {
    await answering({ admins: [] })
    await expect(client.adminList()).rejects.toMatchObject({ code: 'panel_bad_answer', field: undefined })
    await expect(client.users({ offset: 0, limit: 1 })).rejects.toMatchObject({ code: 'panel_bad_answer' })
  })

  test('the number of users is asked without listing any', async () => {
    await answering({ users: [], total: 7 })
    expect(await client.countUsers({ admin: 'ada' })).toBe(7)
    expect(panel.requests).toEqual([
      'GET /api/users?admin=ada&offset=2147483647&limit=1&sort=created_at%2Cusername',
    ])
  })

  test('pages of users are checked by compiled code', () => {
    expect(usersAnswer.IsAccelerated()).toBe(true)
  })
})

function withField(field: string, value: unknown): object {
  const [outer = '', inner] = field.split('.')
  return { ...userJson, ...(inner ? { admin: { ...adminJson, [inner]: value } } : { [outer]: value }) }
}

function nameIn(field: string, value: unknown): string | null {
  if (field !== 'username') return 'ada_one'
  return typeof value === 'string' ? value : null
}

/** Answers with `json`, its lifetime written as `lifetime` says. */
async function answeringText(json: string, lifetime: bigint | string): Promise<void> {
  const text = json.replace('"lifetime_used_traffic":0', `"lifetime_used_traffic":${lifetime}`)
  panel = await startFakePanel((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(text)
  })
  closeAfterTest(panel.close)
  client = connected(panel.url)
}

describe('what is asked', () => {
  test('below the base path of the address, with names and queries encoded', async () => {
    const username = 'a b?c#d%41é@x.-_'
    await answering({ ...userJson, username, users: [], total: 0 }, '/base/')
    await client.user(username)
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
