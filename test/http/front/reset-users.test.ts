import { describe, expect, test } from 'vitest'
import { send } from './raw.ts'
import { useFront } from './use-front.ts'

const front = useFront()
const { newUser, through, counted } = front

describe('POST /api/users/reset', () => {
  const reset = () =>
    send(front.address, 'POST', '/api/users/reset', { headers: { authorization: `Bearer ${sudoToken()}` } })

  test('reads every user before their counters fall to zero', async () => {
    const names = Array.from({ length: 230 }, () => newUser('ada', 11n))
    // Only sudo admins may.
    expect((await through('POST', '/api/users/reset', 'ada')).status).toBe(403)
    expect(await counted(names[0] ?? '')).toBeNull()
    expect((await reset()).status).toBe(200)
    expect(front.service.panel.state.mustFind(names[0] ?? '').used).toBe(0n)
    for (const name of names) expect(await counted(name)).toBe(11n)
  })

  test.each([
    ['less', 4n],
    ['more', 400n],
  ])('loses nothing of what is consumed right after it, %s than before', async (_name, bytes) => {
    const username = newUser('ada', 100n)
    const unowned = newUser(null, 100n)
    front.service.panel.faults.add({
      kind: 'hook',
      method: 'POST',
      path: '/api/users/reset',
      after: () => {
        for (const name of [username, unowned]) front.service.panel.state.accrue(name, bytes)
      },
    })
    expect((await reset()).status).toBe(200)
    await front.service.scan()
    expect(await counted(username)).toBe(100n + bytes)
  })

  test.each([
    { how: 'done', requested: false },
    { how: 'refused', requested: false },
    { how: 'failed', requested: true },
    { how: 'cut', requested: true },
  ])(
    'of which nobody knows what became makes everyone to be read soon: $how, $requested',
    async ({ how, requested }) => {
      const { db, panel } = front.service
      await db.updateTable('scans').set({ requested_at: null }).execute()
      const path = '/api/users/reset'
      if (how === 'refused') panel.faults.add({ kind: 'answer', path, status: 403 })
      if (how === 'failed') panel.faults.add({ kind: 'answer', path, status: 500, acts: true })
      if (how === 'cut') panel.faults.add({ kind: 'cut', path, acts: true })
      await reset()
      const scans = await db.selectFrom('scans').select('requested_at').execute()
      expect(scans.map(({ requested_at: at }) => at !== null)).toEqual(scans.map(() => requested))
    },
  )

  test('that the panel fails at leaves the counters where they are', async () => {
    const username = newUser('ada', 100n)
    front.service.panel.faults.add({ kind: 'answer', method: 'POST', path: '/api/users/reset', status: 500 })
    expect((await reset()).status).toBe(500)
    front.service.panel.state.accrue(username, 5)
    await front.service.scan()
    expect(await counted(username)).toBe(105n)
  })

  test('that takes the panel longer than any other call is waited for', async () => {
    const username = newUser('ada', 100n)
    const { faults } = front.service.panel
    faults.add({ kind: 'hang', path: '/api/system' })
    faults.add({
      kind: 'hook',
      method: 'POST',
      path: '/api/users/reset',
      before: async () => expect((await through('GET', '/api/system', 'ada')).status).toBe(504),
    })
    expect((await reset()).status).toBe(200)
    front.service.panel.state.accrue(username, 5)
    await front.service.scan()
    expect(await counted(username)).toBe(105n)
  })

  test('of an admin in the database reads and resets its own users', async () => {
    const own = newUser('root', 21n)
    const other = newUser('ada', 22n)
    await front.service.scan()
    front.service.panel.requests.length = 0
    expect((await through('POST', '/api/users/reset', 'root')).status).toBe(200)
    expect(front.service.panel.requests.find(({ path }) => path === '/api/users')?.as).toBe('root')
    front.service.panel.state.accrue(own, 30)
    front.service.panel.state.accrue(other, 30)
    await front.service.scan()
    expect(await counted(own, 'root')).toBe(51n)
    expect(await counted(other)).toBe(52n)
  })

  test('counts nothing twice of a user that was with another admin meanwhile', async () => {
    const username = newUser('root', 100n)
    await front.service.scan()
    front.service.panel.state.setOwner(username, 'ada')
    expect((await through('POST', '/api/users/reset', 'root')).status).toBe(200)
    front.service.panel.state.setOwner(username, 'root')
    await front.service.scan()
    expect(await counted(username, 'root')).toBe(100n)
  })

  test('counts nothing twice where the panel may take the caller for an admin of a similar name', async () => {
    const { state, sudo, faults } = front.service.panel
    const similar = sudo.username.toUpperCase()
    state.createAdmin(similar)
    await front.service.poll()
    const username = newUser('ada', 100n)
    // On MySQL it resets that admin's users only.
    faults.add({
      kind: 'answer',
      method: 'POST',
      path: '/api/users/reset',
      status: 200,
      body: '{"detail":"Users successfully reset."}',
    })
    expect((await reset()).status).toBe(200)
    expect(await counted(username)).toBe(100n)
    await front.service.scan()
    expect(await counted(username)).toBe(100n)
    state.deleteAdmin(similar)
  })
})

function sudoToken(): string {
  const { username, password } = front.service.panel.sudo
  return front.service.panel.tokens.logIn(new URLSearchParams({ username, password })).access_token
}
