import { describe, expect, test } from 'vitest'
import { captivePortal } from '../../stand-in/faults.ts'
import { send } from './raw.ts'
import { useFront } from './use-front.ts'

const front = useFront()
const { newUser, through } = front

test.each([
  ['DELETE', (name: string) => `/api/user/${name}`],
  ['POST', (name: string) => `/api/user/${name}/reset`],
  ['POST', (name: string) => `/api/user/${name}/active-next`],
] as const)('preserve_traffic=false is for sudo admins: %s %s', async (method, path) => {
  const username = newUser('ada', 5n)
  const target = `${path(username)}?preserve_traffic=false`
  const refused = await through(method, target, 'ada')
  expect(refused.status).toBe(403)
  expect(JSON.parse(refused.body)).toEqual({ detail: 'Only a sudo admin may send preserve_traffic=false.' })
  expect(front.service.panel.requests.filter(({ path: asked }) => asked.includes(username))).toEqual([])
  expect((await through(method, target, 'root')).status).not.toBe(403)
})

test.each(['no', '', 'FALSE', 'false&preserve_traffic=true'])(
  'preserve_traffic=%s is refused before anything is asked',
  async (value) => {
    const username = newUser('ada', 5n)
    const answer = await through('POST', `/api/user/${username}/reset?preserve_traffic=${value}`, 'root')
    expect(answer.status).toBe(400)
    expect(JSON.parse(answer.body).detail).toMatch(/preserve_traffic must be true or false/)
    expect(front.service.takeAsked()).toEqual([])
  },
)

/** A user whose lifetime nobody can count. */
const oddUser = (over: object) => newUser('ada', 5n, { shown: { lifetime_used_traffic: 10.5 }, ...over })
const heard = (path: string) => front.service.panel.requests.some((request) => request.path === path)

test.each([
  { what: 'a reset', method: 'POST', target: (name: string) => `/api/user/${name}/reset` },
  {
    what: 'a move',
    method: 'PUT',
    target: (name: string) => `/api/user/${name}/set-owner?admin_username=bob`,
  },
])('$what of a user that cannot be read is not passed on, until sudo says so', async ({ method, target }) => {
  const username = oddUser({})
  const path = target(username).split('?')[0] ?? ''
  const refused = await through(method, target(username), 'root')
  expect(refused.status).toBe(502)
  const { detail } = JSON.parse(refused.body)
  for (const part of [
    username,
    'lifetime_used_traffic',
    'Nothing was forwarded',
    '?preserve_traffic=false',
  ]) {
    expect(detail).toContain(part)
  }
  expect(heard(path)).toBe(false)
  const separator = target(username).includes('?') ? '&' : '?'
  const answer = await through(method, `${target(username)}${separator}preserve_traffic=false`, 'root')
  expect(answer.status).toBe(200)
  expect(heard(path)).toBe(true)
  front.service.panel.state.deleteUser(username)
})

test('a reset of all users names whom it cannot read, and sudo can go on without them', async () => {
  const odd = [oddUser({}), oddUser({ shown: { created_at: 'yesterday' } })]
  const other = newUser('ada', 300n)
  const token = front.service.panel.tokens.logIn(new URLSearchParams(front.service.panel.sudo)).access_token
  const reset = (query = '') =>
    send(front.address, 'POST', `/api/users/reset${query}`, { headers: { authorization: `Bearer ${token}` } })
  const refused = await reset()
  expect(refused.status).toBe(502)
  const { detail } = JSON.parse(refused.body)
  for (const part of [...odd, '?preserve_traffic=false']) expect(detail).toContain(part)
  expect(heard('/api/users/reset')).toBe(false)

  expect((await reset('?preserve_traffic=false')).status).toBe(200)
  expect(heard('/api/users/reset')).toBe(true)
  front.service.panel.state.accrue(other, 20)
  for (const username of odd) front.service.panel.state.deleteUser(username)
  await front.service.scan()
  expect(await front.counted(other)).toBe(320n)
})

test('a user that makes the panel fail whenever it lists it does not stop a reset of all users for ever', async () => {
  const username = newUser('ada', 5n)
  await front.service.scan()
  const { faults, state } = front.service.panel
  const other = newUser('ada', 300n)
  // As a real panel does with this number: the row is kept, and each answer that would show it is 500.
  state.mustFind(username).expire = 100_000_000_000_000
  const unknown = newUser('ada', 5n)
  state.mustFind(unknown).expire = 100_000_000_000_000
  const token = front.service.panel.tokens.logIn(new URLSearchParams(front.service.panel.sudo)).access_token
  const headers = { authorization: `Bearer ${token}` }
  const refused = await send(front.address, 'POST', '/api/users/reset', { headers })
  expect(refused.status).toBe(502)
  const { detail } = JSON.parse(refused.body)
  expect(detail).toMatch(
    new RegExp(`${username} \\(.*, 1 that the panel cannot list\\. Nothing was forwarded`),
  )
  expect(heard('/api/users/reset')).toBe(false)
  const target = '/api/users/reset?preserve_traffic=false'
  expect((await send(front.address, 'POST', target, { headers })).status).toBe(200)
  state.accrue(other, 20)
  for (const name of [username, unknown]) state.deleteUser(name)
  faults.clear()
  await front.service.scan()
  expect(await front.counted(other)).toBe(320n)
})

test('a reset of an admin whose counter cannot be read is not passed on, until sudo says so', async () => {
  const { state } = front.service.panel
  const admin = state.createAdmin('odd')
  admin.shown = { users_usage: 0.5 }
  const path = '/api/admin/usage/reset/odd'
  const refused = await through('POST', path, 'root')
  expect(refused.status).toBe(502)
  expect(JSON.parse(refused.body).detail).toMatch(
    /counter of admin odd cannot be read.*preserve_traffic=false/,
  )
  expect(heard(path)).toBe(false)
  expect((await through('POST', `${path}?preserve_traffic=false`, 'root')).status).toBe(200)
  state.deleteAdmin('odd')
})

describe.each([
  { query: '', says: 'is preserved' },
  { query: '?preserve_traffic=false', says: 'was not read, as asked' },
])('who deletes users with "$query" is told that their traffic $says', ({ query, says }) => {
  test('where one of the expired users is left', async () => {
    const over = { status: 'expired', expire: Math.floor(Date.now() / 1000) - 60 }
    for (const _ of ['one', 'another']) newUser('ada', 5n, over)
    const body = '{"detail":"You\'re not allowed"}'
    front.service.panel.faults.add({ kind: 'answer', status: 403, body, method: 'DELETE', times: 1 })
    const answer = await through('DELETE', `/api/users/expired${query}`, 'root')
    expect(JSON.parse(answer.body).detail).toContain(`1 of 2 users were deleted, and their traffic ${says}.`)
    await through('DELETE', '/api/users/expired', 'root')
  })

  test('where the answer to the deletion is not the panel’s', async () => {
    const username = newUser('ada', 5n)
    front.service.panel.faults.add({ ...captivePortal, acts: true, method: 'DELETE' })
    const answer = await through('DELETE', `/api/user/${username}${query}`, 'root')
    expect(JSON.parse(answer.body).detail).toContain(
      `User ${username} was deleted and its traffic ${says}, but: `,
    )
  })
})
