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
    { how: 'less', bytes: 4n, shown: 104n },
    // Whether a user was reset that stands higher than before, only the counter of its admin can tell.
    { how: 'more', bytes: 400n, shown: 400n },
  ])('loses nothing of what is consumed right after it, $how than before', async ({ bytes, shown }) => {
    const username = newUser('ada', 100n)
    const unowned = newUser(null, 100n)
    await read()
    const before = await totalOf('ada')
    front.service.panel.faults.add({
      kind: 'hook',
      method: 'POST',
      path: '/api/users/reset',
      after: () => {
        for (const name of [username, unowned]) front.service.panel.state.accrue(name, bytes)
      },
    })
    expect((await reset()).status).toBe(200)
    await read()
    expect(await counted(username)).toBe(shown)
    expect((await totalOf('ada')) - before).toBe(bytes)
  })

  test.each([
    { who: 'a captive portal', type: 'text/html', body: '<html>Please log in to the WiFi</html>' },
    {
      who: 'a captive portal that claims to speak JSON',
      type: 'application/json',
      body: '<html>Hello</html>',
    },
    {
      who: 'a page that looks like the panel',
      type: 'text/html',
      body: '{"detail":"Users successfully reset."}',
    },
    { who: 'another service', type: 'application/json', body: '{"detail":"Welcome."}' },
    { who: 'a list', type: 'application/json', body: '[]' },
    { who: 'nobody', type: 'application/json', body: '' },
  ])('that $who says is done is not believed, and everybody is read', async ({ type, body }) => {
    const { panel, db } = front.service
    const username = newUser('ada', 100n)
    await read()
    const before = await totalOf('ada')
    await db.updateTable('scans').set({ requested_at: null }).execute()
    const headers = { 'content-type': type }
    panel.faults.add({ kind: 'answer', path: '/api/users/reset', status: 200, headers, body })
    const answer = await reset()
    expect([answer.status, answer.body]).toEqual([200, body])
    expect(await requested()).not.toContain(null)
    panel.faults.clear()
    // A backup of the panel is put back: nobody says that counters were set back.
    panel.state.mustFind(username).used = 60n
    await read()
    expect(await counted(username)).toBe(100n)
    expect((await totalOf('ada')) - before).toBe(0n)
  })

  test.each(['{}', '{"detail":"Users successfully reset."}'])(
    'is believed of whatever release says so: %s',
    async (body) => {
      const { panel } = front.service
      const username = newUser('ada', 100n)
      panel.faults.add({ kind: 'answer', path: '/api/users/reset', status: 200, body, acts: true })
      await reset()
      panel.state.accrue(username, 40)
      await read()
      expect(await counted(username)).toBe(140n)
    },
  )

  test('counts nothing twice though it did not reach everybody of whom the panel says so', async () => {
    const username = newUser('ada', 100n)
    const body = '{"detail":"Users successfully reset."}'
    front.service.panel.faults.add({ kind: 'answer', path: '/api/users/reset', status: 200, body })
    await reset()
    await reset()
    front.service.panel.state.accrue(username, 30)
    await read()
    expect(await counted(username)).toBe(130n)
  })

  test('notes nothing when an admin of the name of the environment appears meanwhile', async () => {
    const { panel } = front.service
    const username = newUser('ada', 100n)
    await read()
    await front.service.db.updateTable('scans').set({ requested_at: null }).execute()
    const { username: name } = panel.sudo
    panel.faults.add({
      kind: 'hook',
      path: '/api/users/reset',
      before: () => void panel.state.createAdmin(name, { isSudo: true }),
    })
    expect((await reset()).status).toBe(200)
    expect(await requested()).not.toContain(null)
    const { reset_pending: isNoted } = await front.service.db
      .selectFrom('tenures')
      .select('reset_pending')
      .where('username', '=', username)
      .executeTakeFirstOrThrow()
    expect(isNoted).toBe(false)
    panel.state.deleteAdmin(name)
  })

  test('makes everybody to be read when nobody says whose counters have fallen', async () => {
    const { panel, db } = front.service
    await db.updateTable('scans').set({ requested_at: null }).execute()
    panel.faults.add({
      kind: 'hook',
      path: '/api/users/reset',
      before: () => panel.faults.add({ kind: 'answer', path: '/api/admins', status: 500 }),
    })
    expect((await reset()).status).toBe(200)
    expect(await requested()).not.toContain(null)
  })

  test('makes everybody to be read soon on a panel that does not count its admins', async () => {
    const { db } = front.service
    await db.updateTable('scans').set({ requested_at: null }).execute()
    await db.updateTable('panel_poll').set({ has_admin_usage: false }).execute()
    await reset()
    expect(await requested()).not.toContain(null)
    await db.updateTable('panel_poll').set({ has_admin_usage: true }).execute()
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
    front.service.panel.state.accrue(own, 20)
    front.service.panel.state.accrue(other, 20)
    await front.service.scan()
    expect(await counted(own, 'root')).toBe(41n)
    expect(await counted(other)).toBe(42n)
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

/** A poll and a scan of everybody. */
async function read(): Promise<void> {
  await front.service.poll()
  await front.service.scan()
  await front.service.poll()
}

async function totalOf(admin: string): Promise<bigint> {
  const { total } = await front.service.db
    .selectFrom('cumulative_traffic')
    .select('total_traffic_consumed as total')
    .where('admin_id', '=', await front.service.idOf(admin))
    .executeTakeFirstOrThrow()
  return total
}

/** When the scan of each account was asked for; null: it was not. */
async function requested(): Promise<(Date | null)[]> {
  const scans = await front.service.db.selectFrom('scans').select('requested_at').execute()
  return scans.map(({ requested_at: at }) => at)
}

function sudoToken(): string {
  const { username, password } = front.service.panel.sudo
  return front.service.panel.tokens.logIn(new URLSearchParams({ username, password })).access_token
}
