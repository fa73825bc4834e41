import { afterEach, describe, expect, test } from 'vitest'
import { foreignAnswers } from './foreign-answers.ts'
import { oddNames, oddUsers } from './odd-values.ts'
import { type PanelOptions, type StandInPanel, startPanel } from './start.ts'

let panel: StandInPanel
afterEach(() => panel.close())

/** Starts a panel, and gives back how it is called as one of its admins, or as the account of its environment. */
async function open(options: PanelOptions = {}) {
  panel = await startPanel(options)
  panel.state.createAdmin('ana', { password: 'secret' })
  return async (method: string, path: string, { as = panel.sudo.username, json = null as unknown } = {}) => {
    const password = as === panel.sudo.username ? panel.sudo.password : 'secret'
    const { access_token } = panel.tokens.logIn(new URLSearchParams({ username: as, password }))
    const answer = await fetch(panel.url + path, {
      method,
      // After a 500 the panel drops the connection, be it when the next request arrives.
      headers: { authorization: `Bearer ${access_token}`, connection: 'close' },
      ...(json !== null && { body: JSON.stringify(json) }),
    })
    const text = await answer.text()
    return {
      status: answer.status,
      text,
      body: text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : text,
    }
  }
}

describe('late effects', () => {
  test('happen after the connection has ended, and not before the test says so', async () => {
    const call = await open()
    panel.state.createUser('usr1', { admin: 'ana' })
    panel.faults.add({ kind: 'cut', acts: 'late', method: 'DELETE' })
    await expect(call('DELETE', '/api/user/usr1')).rejects.toThrow()
    expect(panel.state.users.has('usr1')).toBe(true)
    expect(panel.late.waiting).toBe(1)
    await panel.late.carryOut()
    expect(panel.state.users.has('usr1')).toBe(false)
    expect(panel.late.waiting).toBe(0)
  })

  test('happen to the user that has the name at that time', async () => {
    const call = await open()
    panel.state.createUser('usr1', { admin: 'ana' })
    panel.faults.add({ kind: 'answer', status: 504, acts: 'late', method: 'DELETE', times: 1 })
    await call('DELETE', '/api/user/usr1')
    await call('DELETE', '/api/user/usr1')
    panel.state.createUser('usr1', { admin: 'ana' })
    await panel.late.carryOut()
    expect(panel.state.users.has('usr1')).toBe(false)
  })

  test('happen by themselves after a time', async () => {
    const call = await open()
    panel.state.createUser('usr1', { admin: 'ana' })
    panel.faults.add({ kind: 'cut', acts: 'late', lateMs: 500, method: 'DELETE', times: 1 })
    await expect(call('DELETE', '/api/user/usr1')).rejects.toThrow()
    expect((await call('GET', '/api/user/usr1')).status).toBe(200)
    await expect.poll(() => panel.state.users.has('usr1'), { timeout: 10_000 }).toBe(false)
  })
})

describe('answers that are not the panel’s', () => {
  test.each(Object.entries(foreignAnswers))('%s', async (_, fault) => {
    const call = await open()
    panel.state.createUser('usr1', { admin: 'ana' })
    panel.faults.add({ ...fault, method: 'DELETE' })
    const answer = call('DELETE', '/api/user/usr1')
    if (fault.kind === 'half-body') await expect(answer).rejects.toThrow()
    else expect((await answer).status).toBe(fault.status)
    expect(panel.state.users.has('usr1')).toBe(true)
  })
})

describe('odd values', () => {
  test('are shown as they are written', async () => {
    const call = await open()
    for (const [index, shown] of Object.values(oddUsers).entries()) {
      panel.state.createUser(`u${index}`, { shown })
    }
    const { text, body } = await call('GET', '/api/users')
    expect(body.total).toBe(Object.keys(oddUsers).length)
    expect(text).toContain('"data_limit":9223372036854775807')
    expect(text).toContain('"expire":100000000000000')
    expect(text).toContain('"lifetime_used_traffic":9007199254740993')
  })

  test('are taken as exactly as they are sent', async () => {
    const call = await open()
    const sent =
      '{"username":"usr1","proxies":{"shadowsocks":{}},"data_limit":9223372036854775807,"expire":-1}'
    const { access_token } = panel.tokens.logIn(new URLSearchParams({ username: 'ana', password: 'secret' }))
    await fetch(`${panel.url}/api/user`, {
      method: 'POST',
      headers: { authorization: `Bearer ${access_token}` },
      body: sent,
    })
    const { text, body } = await call('GET', '/api/user/usr1')
    expect(text).toContain('"data_limit":9223372036854775807')
    expect(body.expire).toBe(-1)
  })

  test('are shown of names of any kind', async () => {
    const call = await open()
    for (const name of Object.values(oddNames)) panel.state.createUser(name, { admin: 'ana' })
    const { body } = await call('GET', '/api/users', { as: 'ana' })
    expect(body.users.map(({ username }: { username: string }) => username)).toEqual(Object.values(oddNames))
  })

  test('break every answer with a user whose expiry lies beyond the year 9999, who can only be deleted', async () => {
    const call = await open()
    const json = { username: 'usr1', proxies: { shadowsocks: {} }, expire: 100_000_000_000_000 }
    expect((await call('POST', '/api/user', { as: 'ana', json })).status).toBe(500)
    panel.state.createUser('usr2', { admin: 'ana' })
    expect((await call('GET', '/api/users')).status).toBe(500)
    expect((await call('GET', '/api/users?username=usr2')).status).toBe(200)
    expect((await call('GET', '/api/user/usr1')).status).toBe(500)
    expect((await call('DELETE', '/api/user/usr1')).status).toBe(200)
    expect((await call('GET', '/api/users')).status).toBe(200)
  })
})

describe('a panel on MySQL', () => {
  test('takes names of admins for the same that differ in case, accents or spaces at their end', async () => {
    const call = await open({ database: 'mysql' })
    panel.state.createUser('usr1', { admin: 'ana' })
    expect((await call('GET', '/api/users?admin=%C3%81NA%20')).body.total).toBe(1)
    expect((await call('GET', '/api/admins?username=AN%C3%80')).body).toHaveLength(1)
    expect((await call('POST', '/api/admin', { json: { username: 'Ana', password: 'x' } })).status).toBe(409)
    expect((await call('DELETE', '/api/admin/ANA%20')).status).toBe(200)
    expect(panel.state.admins.size).toBe(0)
  })

  test('overlooks spaces at the end of names of users, and nothing else', async () => {
    const call = await open({ database: 'mysql' })
    panel.state.createUser('abc')
    expect((await call('GET', '/api/user/abc%20')).body.username).toBe('abc')
    expect((await call('GET', '/api/users?username=abc%20%20')).body.total).toBe(1)
    for (const other of ['ABC', '%C3%A4bc', '%20abc']) {
      expect((await call('GET', `/api/user/${other}`)).status).toBe(404)
    }
  })

  test('keeps whole seconds, and orders users of one second by name where asked to', async () => {
    const call = await open({ database: 'mysql', now: () => 1_800_000_000_500 })
    for (const name of ['c', 'a', 'b']) panel.state.createUser(name)
    const { body } = await call('GET', '/api/users?sort=created_at,username')
    expect(body.users.map(({ username }: { username: string }) => username)).toEqual(['a', 'b', 'c'])
    expect(body.users[0].created_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/)
  })

  test('finds admins as LIKE does: a backslash in what is asked for is not looked for', async () => {
    const call = await open({ database: 'mysql' })
    for (const name of ['a\\b', '100%', 'axb']) panel.state.createAdmin(name)
    const named = async (part: string) =>
      (await call('GET', `/api/admins?username=${encodeURIComponent(part)}`)).body.map(
        ({ username }: { username: string }) => username,
      )
    expect(await named('a\\b')).toEqual([])
    expect(await named('0%')).toEqual(['100%'])
    expect(await named('a_b')).toEqual(['a\\b', 'axb'])
  })
})

describe('an admin named like the account of the environment', () => {
  test('takes over what that account creates and resets', async () => {
    const call = await open()
    panel.state.createUser('usr1', { admin: 'ana', lifetime: 5n })
    panel.state.createAdmin(panel.sudo.username)
    const json = { username: 'usr2', proxies: { shadowsocks: {} } }
    expect((await call('POST', '/api/user', { json })).body.admin.username).toBe(panel.sudo.username)
    panel.state.accrue('usr2', 7)
    await call('POST', '/api/users/reset')
    expect((await call('GET', '/api/user/usr1')).body.lifetime_used_traffic).toBe(5)
    expect((await call('GET', '/api/user/usr2')).body.lifetime_used_traffic).toBe(0)
    expect((await call('GET', '/api/admin')).body.users_usage).toBeNull()
  })
})

describe('older releases', () => {
  test('0.5.2 answers {} to deletions and resets, and an empty list where nobody has expired', async () => {
    const call = await open({ release: '0.5.2' })
    panel.state.createUser('usr1', { admin: 'ana' })
    expect(await call('POST', '/api/users/reset')).toMatchObject({ status: 200, text: '{}' })
    expect(await call('DELETE', '/api/user/usr1')).toMatchObject({ status: 200, text: '{}' })
    expect(await call('DELETE', '/api/admin/ana')).toMatchObject({ status: 200, text: '{}' })
    expect(await call('DELETE', '/api/users/expired')).toMatchObject({ status: 200, text: '[]' })
    expect((await call('GET', '/api/users/expired?expired_before=2027-01-01T00:00:00')).status).toBe(200)
  })

  test('0.7.0 deletes users without an owner without stumbling, and knows no usage of admins', async () => {
    const call = await open({ release: '0.7.0' })
    panel.state.createUser('usr1')
    expect((await call('DELETE', '/api/user/usr1')).status).toBe(200)
    expect((await call('GET', '/api/admin/usage/ana')).status).toBe(404)
    expect((await call('GET', '/api/admins')).body[0]).not.toHaveProperty('users_usage')
  })
})
