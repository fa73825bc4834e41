import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { captivePortal, type Fault } from '../../stand-in/faults.ts'
import { startTestService, type TestService, withKey } from '../service.ts'

let service: TestService
beforeAll(async () => {
  service = await startTestService({
    admins: [{ username: 'root', isSudo: true }, { username: 'ana' }, { username: 'bob' }],
  })
  await service.poll()
})
afterEach(() => service.panel.faults.clear())
afterAll(() => service.close())

const remove = (username: string, headers: Record<string, string> = withKey, query = '') =>
  service.app.inject({ method: 'DELETE', url: `/users/${encodeURIComponent(username)}${query}`, headers })

/** Creates a user of ana with this traffic. No scan has seen it. */
function createUser(username: string, bytes: number): void {
  service.panel.state.createUser(username, { admin: 'ana' })
  service.panel.state.accrue(username, bytes)
}

const exists = (username: string) => service.panel.state.users.has(username)
const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
const totalOf = async () =>
  (await service.app.inject({ url: '/admins/me', headers: service.as('ana') })).json().total_traffic

describe('DELETE /users/{username}', () => {
  test('the answer to a deletion is its receipt', async () => {
    createUser('alice', 700)
    const before = await totalOf()
    const answer = await remove('alice', service.as('ana'))
    expect(answer.statusCode).toBe(200)
    expect(answer.json()).toEqual({
      id: expect.any(Number),
      kind: 'user',
      state: 'deleted',
      username: 'alice',
      admin_id: Number(await service.idOf('ana')),
      requested_by: 'admin:ana',
      preserve_traffic: true,
      final_reading: 700,
      preserved_bytes: 700,
      total_traffic: before + 700,
      code: null,
      detail: null,
      requested_at: time,
      preserved_at: time,
      finished_at: time,
      parent_id: null,
    })
    expect(exists('alice')).toBe(false)
    expect(await totalOf()).toBe(before + 700)
  })

  test.each(['a.b-c_d@mail.example', '-._@', 'UPPER_case', 'me', 'x'.repeat(255)])(
    'a user named %s can be deleted',
    async (username) => {
      createUser(username, 5)
      const answer = await remove(username, service.as('ana'))
      expect(answer.json()).toMatchObject({ state: 'deleted', username, preserved_bytes: 5 })
      expect(exists(username)).toBe(false)
    },
  )

  test('a name may be percent-encoded', async () => {
    for (const path of ['a@b.c', 'a%40b%2ec', '%61%40b.c']) {
      createUser('a@b.c', 5)
      const answer = await service.app.inject({ method: 'DELETE', url: `/users/${path}`, headers: withKey })
      expect(answer.json()).toMatchObject({ state: 'deleted', username: 'a@b.c' })
    }
  })

  test('a repeated deletion counts no byte twice', async () => {
    createUser('again', 30)
    await remove('again')
    const total = await totalOf()
    const answer = await remove('again')
    expect(answer.statusCode).toBe(404)
    expect(answer.json()).toMatchObject({ code: 'not_found', detail: expect.stringContaining('again') })
    expect(await totalOf()).toBe(total)
  })

  test('the receipt of a user without an owner names no account', async () => {
    service.panel.state.createUser('nobodys', { lifetime: 9n })
    const answer = await remove('nobodys')
    expect(answer.statusCode).toBe(200)
    expect(answer.json()).toMatchObject({ state: 'deleted', admin_id: null, total_traffic: null })
  })

  test("an admin cannot delete another admin's user", async () => {
    createUser('of-ana', 5)
    const answer = await remove('of-ana', service.as('bob'))
    expect(answer.statusCode).toBe(403)
    expect(answer.json()).toMatchObject({ code: 'forbidden', title: 'Forbidden' })
    expect(exists('of-ana')).toBe(true)
    expect((await remove('of-ana', service.as('root'))).json()).toMatchObject({ requested_by: 'admin:root' })
  })

  test('a caller whose token the panel has forgotten gets 401', async () => {
    createUser('kept', 5)
    const { authorization } = service.as('ana')
    await service.app.inject({ url: '/admins/me', headers: { authorization } })
    service.panel.tokens.expireAll()
    const answer = await remove('kept', { authorization })
    expect(answer.statusCode).toBe(401)
    expect(answer.headers['www-authenticate']).toMatch(/^Bearer/)
    expect(exists('kept')).toBe(true)
    expect((await remove('kept', withKey)).statusCode).toBe(200)
    service.forgetTokens()
  })

  test('a second deletion of the same user gets 409 with Retry-After', async () => {
    createUser('busy', 5)
    const { promise: reached, resolve: reach } = Promise.withResolvers<void>()
    const { promise: released, resolve: release } = Promise.withResolvers<void>()
    const before = () => {
      reach()
      return released
    }
    service.panel.faults.add({ kind: 'hook', method: 'DELETE', times: 1, before })
    const first = remove('busy').then((answer) => answer)
    await reached
    const second = await remove('busy', service.as('ana'))
    expect(second.statusCode).toBe(409)
    expect(Number(second.headers['retry-after'])).toBeGreaterThan(0)
    expect(second.json()).toMatchObject({ code: 'conflict' })
    release()
    expect((await first).statusCode).toBe(200)
    expect(
      service.panel.requests.filter((r) => r.method === 'DELETE' && r.path === '/api/user/busy'),
    ).toHaveLength(1)
  })
})

describe('preserve_traffic=false', () => {
  test('preserve_traffic=false deletes without a final reading, and counted bytes stay', async () => {
    createUser('unread', 40)
    await service.scan()
    const total = await totalOf()
    service.panel.state.accrueUser('unread', 2)
    const answer = await remove('unread', service.as('root'), '?preserve_traffic=false')
    expect(answer.statusCode).toBe(200)
    expect(answer.json()).toMatchObject({
      state: 'deleted',
      preserve_traffic: false,
      final_reading: null,
      preserved_bytes: null,
      preserved_at: null,
    })
    expect(await totalOf()).toBe(total)
  })

  test('preserve_traffic=false is for sudo admins only', async () => {
    createUser('mine', 40)
    const answer = await remove('mine', service.as('ana'), '?preserve_traffic=false')
    expect(answer.statusCode).toBe(403)
    expect(answer.json()).toMatchObject({ code: 'forbidden', errors: [{ field: 'preserve_traffic' }] })
    expect(exists('mine')).toBe(true)
    expect((await remove('mine', service.as('ana'), '?preserve_traffic=true')).statusCode).toBe(200)
  })

  test.each(['', '?preserve_traffic=false'])(
    'a deletion%s of a name that fits into no path ends at once',
    async (query) => {
      const answer = await remove('a/b', withKey, query)
      expect(answer.statusCode).toBe(400)
      expect(answer.json()).toMatchObject({ code: 'invalid_request' })
      const open = await service.app.inject({ url: '/deletions?state=requested,preserved', headers: withKey })
      expect(open.json().items).toEqual([])
    },
  )

  test.each(['1', '0', 'yes', 'TRUE', '', 'false&preserve_traffic=false'])(
    'preserve_traffic is true or false, not "%s"',
    async (text) => {
      createUser('strict', 1)
      const answer = await remove('strict', withKey, `?preserve_traffic=${text}`)
      expect(answer.statusCode).toBe(400)
      expect(answer.json().detail).toContain('must be true or false.')
      expect(exists('strict')).toBe(true)
    },
  )
})

describe('a panel that fails', () => {
  const faults: [number, string, Fault][] = [
    [502, 'panel_failed', { kind: 'answer', status: 500 }],
    [502, 'panel_unreachable', { kind: 'cut' }],
    [502, 'panel_bad_answer', captivePortal],
    [504, 'panel_timeout', { kind: 'hang' }],
  ]

  test.each(faults)(
    'a panel that fails at the final reading gives %i (%s), and nothing is deleted',
    async (status, code, fault) => {
      createUser(`reading-${code}`, 5)
      service.panel.faults.add({ ...fault, method: 'GET', path: /^\/api\/user\// })
      const answer = await remove(`reading-${code}`)
      expect(answer.statusCode).toBe(status)
      // A 500 for this user alone is a fault of the user, not of the whole panel.
      expect(answer.json().code).toBe(code === 'panel_failed' ? 'user_unreadable' : code)
      expect(answer.json()).not.toHaveProperty('deletion_id')
      expect(exists(`reading-${code}`)).toBe(true)
    },
  )

  test.each(faults)(
    'a panel that fails at the deletion gives %i (%s): the traffic is preserved, the result is unknown',
    async (status, code, fault) => {
      const username = `deleting-${code}`
      createUser(username, 50)
      const before = await totalOf()
      service.panel.faults.add({ ...fault, method: 'DELETE' })
      const answer = await remove(username, service.as('ana'))
      expect(answer.statusCode).toBe(status)
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
      const problem = answer.json()
      expect(problem).toMatchObject({
        code,
        detail: expect.stringMatching(
          /^Its traffic is preserved\. It is not known yet whether user \S+ was deleted/,
        ),
      })
      expect(await totalOf()).toBe(before + 50)
      const receipt = await service.app.inject({
        url: `/deletions/${problem.deletion_id}`,
        headers: service.as('ana'),
      })
      expect(receipt.json()).toMatchObject({ state: 'unknown', username, code, detail: problem.detail })
      const again = await remove(username, service.as('ana'))
      expect(again.statusCode).toBe(409)
      expect(Number(again.headers['retry-after'])).toBeGreaterThan(50)
      expect(again.json().detail).toContain(`/deletions/${problem.deletion_id}`)
    },
  )

  test('if the panel also fails when it is asked again, the receipt shows the result later', async () => {
    createUser('unknown', 50)
    service.panel.faults.add({ kind: 'cut', method: 'DELETE', acts: true })
    service.panel.faults.add({ kind: 'cut', method: 'GET', path: /^\/api\/user\//, skip: 1 })
    const answer = await remove('unknown')
    expect(answer.statusCode).toBe(502)
    const { detail, deletion_id: id } = answer.json()
    expect(detail).toContain('Its traffic is preserved.')
    expect(detail).toContain('It is not known yet')
    expect(detail).toContain(`/deletions/${id}`)
  })

  test('a panel that fails after the deletion is no error', async () => {
    createUser('acted', 50)
    service.panel.faults.add({ kind: 'answer', status: 500, method: 'DELETE', acts: true })
    expect((await remove('acted')).json()).toMatchObject({ state: 'deleted', preserved_bytes: 50 })
  })

  test('a panel that refuses the service itself is not the fault of the caller', async () => {
    createUser('guarded', 50)
    const body = '{"detail":"You\'re not allowed"}'
    service.panel.faults.add({ kind: 'answer', status: 403, body, method: 'DELETE' })
    expect((await remove('guarded', withKey)).statusCode).toBe(502)
    const refused = await remove('guarded', service.as('ana'))
    expect(refused.statusCode).toBe(403)
    expect(refused.json()).toMatchObject({ code: 'forbidden', deletion_id: expect.any(Number) })
  })
})
