import { describe, expect, test } from 'vitest'
import { useFront } from './use-front.ts'

describe.each(['mysql', 'sqlite'] as const)('on %s', (database) => {
  const front = useFront({ database })
  const { newUser, through } = front

  const usage = async (admin: string) => {
    const { panel_counted: counted } = await front.service.db
      .selectFrom('cumulative_traffic')
      .select('panel_counted')
      .where('admin_id', '=', await front.service.idOf(admin))
      .executeTakeFirstOrThrow()
    return counted
  }
  const reset = (name: string) =>
    through('POST', `/api/admin/usage/reset/${encodeURIComponent(name)}`, 'root')
  const hasHeard = () => front.service.panel.requests.some(({ path }) => path.includes('/usage/reset/'))

  test.each(['ada', 'ADA', 'ada ', 'äda', 'Ada  '])(
    'the counter that a reset of admin "%s" sets back is read first',
    async (name) => {
      const username = newUser('ada', 0n)
      const before = await usage('ada')
      front.service.panel.state.accrue(username, 500)
      const answer = await reset(name)
      // What the panel does not find under this name it cannot set back.
      expect(answer.status).toBe(name === 'ada' || database === 'mysql' ? 200 : 404)
      expect(await usage('ada')).toBe(before + 500n)
    },
  )

  test.each(['a%a', 'a_a', '%', '___', 'nobody', ' ada'])(
    'a reset of admin "%s", whom nobody finds, is not passed on',
    async (name) => {
      expect((await reset(name)).status).toBe(404)
      expect(hasHeard()).toBe(false)
    },
  )

  test.each(['a_min', 'a%min', 'a.min', 'pad'])('the counter of admin "%s" itself is read', async (name) => {
    const { state } = front.service.panel
    for (const admin of [name, 'axmin', 'aYmin', `${name}x`]) state.createAdmin(admin)
    const username = newUser(name, 0n)
    await front.service.poll()
    const before = await usage(name)
    state.accrue(username, 70)
    expect((await reset(name)).status).toBe(200)
    expect(await usage(name)).toBe(before + 70n)
    expect(await usage('axmin')).toBe(0n)
    for (const admin of [name, 'axmin', 'aYmin', `${name}x`]) state.deleteAdmin(admin)
  })

  test('whom the panel finds under a name that the ledger does not know is not reset', async () => {
    const { faults } = front.service.panel
    faults.add({ kind: 'answer', path: '/api/admin/usage/zoe', status: 200, body: '5' })
    expect((await reset('zoe')).status).toBe(503)
    expect(hasHeard()).toBe(false)
  })

  test.each([
    ['POST', (name: string) => `/api/user/${name}/reset`],
    ['PUT', (name: string) => `/api/user/${name}/set-owner?admin_username=bob`],
  ])('a user is read under the name that the panel takes: %s', async (method, target) => {
    const username = newUser('ada', 90n)
    for (const name of [`${username}%20`, username.toUpperCase()]) {
      const answer = await through(method, target(name), 'root')
      const isFound = database === 'mysql' && name.endsWith('%20')
      expect(answer.status).toBe(isFound ? 200 : 404)
      expect(await front.counted(username)).toBe(database === 'mysql' ? 90n : null)
    }
  })
})
