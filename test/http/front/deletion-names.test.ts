import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { passGrace } from '../../support/deleting.ts'
import { startTestService, type TestService } from '../service.ts'
import { send } from './raw.ts'

let service: TestService
let address = ''

async function start(options: { database?: 'sqlite' | 'mysql'; release?: '0.5.2' | '0.7.0' | '0.8.4' }) {
  service = await startTestService({
    admins: [{ username: 'ada' }, { username: 'root', isSudo: true }],
    ...options,
  })
  address = await service.app.listen({ host: '127.0.0.1', port: 0 })
  await service.poll()
}

const through = (method: string, target: string, as = 'root') =>
  send(address, method, target, { headers: service.as(as) })
const deletionsSent = () => service.takeAsked().filter((call) => call.startsWith('DELETE'))

async function receiptsOf(name: string) {
  return service.db
    .selectFrom('deletions')
    .innerJoin('admins', 'admins.id', 'deletions.admin_id')
    .select(['deletions.username', 'state'])
    .where('admins.username', '=', name)
    .execute()
}

describe.each(['mysql', 'sqlite'] as const)('a name that is spelled otherwise, on %s', (database) => {
  beforeAll(() => start({ database }))
  afterAll(() => service.close())
  beforeEach(() => void service.takeAsked())

  test.each([
    ['ben', 'ben%20'],
    ['joe', 'JOE'],
    ['eve', '%C3%A9ve'],
  ])('%s is deleted as %s only with a receipt', async (name, spelled) => {
    service.panel.state.createAdmin(name)
    service.panel.state.createUser(`of_${name}`, { admin: name, lifetime: 70n })
    await through('DELETE', `/api/admin/${spelled}`)
    const isGone = !service.panel.state.admins.has(name)
    expect(isGone).toBe(database === 'mysql')
    expect(await receiptsOf(name)).toMatchObject([{ state: isGone ? 'deleted' : 'failed' }])
    const account = await service.db
      .selectFrom('admins')
      .innerJoin('cumulative_traffic', 'admin_id', 'id')
      .select(['total_traffic_consumed', 'closed_at'])
      .where('username', '=', name)
      .executeTakeFirstOrThrow()
    expect(account.total_traffic_consumed).toBe(70n)
    expect(account.closed_at !== null).toBe(isGone)
  })

  test('DELETE /api/user/abc%20 leaves the receipt of abc', async () => {
    service.panel.state.createUser('abc', { admin: 'ada', lifetime: 5n })
    const answer = await through('DELETE', '/api/user/abc%20')
    const isGone = !service.panel.state.users.has('abc')
    expect(isGone).toBe(database === 'mysql')
    expect(answer.status).toBe(isGone ? 200 : 404)
    const receipts = await service.db
      .selectFrom('deletions')
      .select(['username', 'state'])
      .where('kind', '=', 'user')
      .execute()
    expect(receipts).toEqual(isGone ? [{ username: 'abc', state: 'deleted' }] : [])
  })

  test.each(['nobody', 'a%25', 'a_a', '%25'])(
    'DELETE /api/admin/%s, whom nobody finds, is not passed on',
    async (spelled) => {
      const answer = await through('DELETE', `/api/admin/${spelled}`)
      expect(answer).toMatchObject({ status: 404, body: '{"detail":"Admin not found"}' })
      expect(deletionsSent()).toEqual([])
    },
  )

  test('of a sudo admin is refused without being passed on', async () => {
    expect((await through('DELETE', '/api/admin/root')).status).toBe(403)
    expect(deletionsSent()).toEqual([])
  })

  test.each(['a%b', 'a_b', 'b%'])('an admin named %s is found', async (name) => {
    service.panel.state.createAdmin(name)
    service.panel.state.createUser(`of_${name}`, { admin: name, lifetime: 3n })
    await service.poll()
    expect((await through('DELETE', `/api/admin/${encodeURIComponent(name)}`)).status).toBe(200)
    expect(await receiptsOf(name)).toMatchObject([{ state: 'deleted' }])
    service.panel.state.deleteUser(`of_${name}`)
  })
})

describe.each(['0.5.2', '0.7.0', '0.8.4'] as const)('Marzban %s', (release) => {
  beforeAll(() => start({ release }))
  afterAll(() => service.close())

  test('says in its own form that a user is deleted', async () => {
    service.panel.state.createUser('plain', { admin: 'ada', lifetime: 5n })
    const answer = await through('DELETE', '/api/user/plain')
    const body = release === '0.5.2' ? '{}' : '{"detail":"User successfully deleted"}'
    expect(answer).toMatchObject({ status: 200, body })
    const [receipt] = await receiptsOf('ada')
    expect(receipt).toEqual({ username: 'plain', state: 'deleted' })
  })

  test('answers as it does when nobody has expired', async () => {
    const answer = await through('DELETE', '/api/users/expired', 'ada')
    if (release === '0.5.2') expect(answer).toMatchObject({ status: 200, body: '[]' })
    else
      expect(answer).toMatchObject({ status: 404, body: expect.stringContaining('No expired users found') })
  })

  test('does not claim that traffic was preserved when nobody was deleted', async () => {
    const expire = Math.floor(Date.now() / 1000) - 60
    for (const name of ['old_1', 'old_2']) {
      service.panel.state.createUser(name, { admin: 'ada', lifetime: 5n, status: 'expired', expire })
    }
    const body = '{"detail":"You\'re not allowed"}'
    service.panel.faults.add({ kind: 'answer', status: 403, body, method: 'DELETE' })
    const answer = await through('DELETE', '/api/users/expired', 'ada')
    service.panel.faults.clear()
    expect(answer.body).toContain('None of 2 users was deleted.')
  })

  test('knows of an admin that it is gone, and only then closes the account', async () => {
    service.panel.state.createAdmin('leaver')
    await service.poll()
    const id = await service.idOf('leaver')
    const isClosed = async () => {
      const { closed_at } = await service.db
        .selectFrom('admins')
        .select('closed_at')
        .where('id', '=', id)
        .executeTakeFirstOrThrow()
      return closed_at !== null
    }
    // An empty list and a page, from whatever stands before the panel.
    service.panel.faults.add({
      kind: 'answer',
      status: 200,
      method: 'DELETE',
      body: '<html>',
      headers: { 'content-type': 'text/html' },
      times: 1,
    })
    const answer = await through('DELETE', '/api/admin/leaver')
    expect(answer.status).toBe(502)
    expect(answer.body).toContain('It is not known yet whether admin leaver was deleted')
    expect(await receiptsOf('leaver')).toMatchObject([{ state: 'unknown' }])
    expect(await isClosed()).toBe(false)
    expect((await through('DELETE', '/api/admin/leaver')).status).toBe(409)
    await passGrace(service)
    await service.settle()
    expect(await receiptsOf('leaver')).toMatchObject([{ state: 'failed' }])
    service.panel.faults.add({ kind: 'answer', status: 500, acts: true, method: 'DELETE', times: 1 })
    expect((await through('DELETE', '/api/admin/leaver')).status).toBe(500)
    expect(await isClosed()).toBe(true)
  })
})
