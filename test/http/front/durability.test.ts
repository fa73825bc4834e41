import { once } from 'node:events'
import { request } from 'node:http'
import { sql } from 'kysely'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createConnectionQueue } from '../../../src/store/connection/connection-queue.ts'
import { type Database, openDatabase } from '../../../src/store/connection/database.ts'
import { type Cuttable, createCuttable } from '../cuttable.ts'
import { startTestService, type TestService } from '../service.ts'
import { send } from './raw.ts'

let service: TestService
let address: string
let way: Cuttable
/** The database, whatever becomes of the way to it. */
let direct: Database
let role = ''
let databaseName = ''

beforeAll(async () => {
  way = createCuttable()
  service = await startTestService({
    admins: [{ username: 'ada' }, { username: 'root', isSudo: true }],
    reach: (url) => {
      direct = openDatabase({ url, connections: createConnectionQueue(1) })
      role = decodeURIComponent(new URL(url).username)
      databaseName = new URL(url).pathname.slice(1)
      return way.via(url)
    },
  })
  address = await service.app.listen({ host: '127.0.0.1', port: 0 })
  for (let i = 0; i < 1_000; i += 1) {
    service.panel.state.createUser(`user_${i}`, { admin: 'ada', lifetime: 10n })
  }
  await service.poll()
})
afterAll(async () => {
  await direct.destroy()
  await service.close()
  await way.close()
})
afterEach(() => {
  service.panel.faults.clear()
  service.takeAsked()
})

const isChange = (call: string) => !call.startsWith('GET ')

/** Runs `then` while new connections to the database can only read, as after a failover. */
async function whileReadOnly(then: () => Promise<void>): Promise<void> {
  const renew = () => {
    way.cut()
    way.restore()
  }
  const set = (value: string) =>
    sql`alter role ${sql.id(role)} in database ${sql.id(databaseName)} set default_transaction_read_only = ${sql.lit(value)}`.execute(
      direct,
    )
  await set('on')
  renew()
  try {
    await then()
  } finally {
    await set('off')
    renew()
  }
}

async function whileAway(then: () => Promise<void>): Promise<void> {
  way.cut()
  try {
    await then()
  } finally {
    way.restore()
  }
}

describe.each([
  ['is away', whileAway],
  ['takes no writes', whileReadOnly],
])('while the database %s nothing that loses bytes is forwarded', (_how, meanwhile) => {
  test.each([
    ['DELETE', '/api/user/user_1'],
    ['POST', '/api/user/user_1/reset'],
    ['POST', '/api/user/user_1/active-next'],
    ['PUT', '/api/user/user_1/set-owner?admin_username=root'],
    ['DELETE', '/api/users/expired'],
    ['POST', '/api/users/reset'],
    ['DELETE', '/api/admin/ada'],
    ['POST', '/api/admin/usage/reset/ada'],
  ])('%s %s', async (method, target) => {
    service.panel.state.mustFind('user_2').status = 'expired'
    service.panel.state.mustFind('user_2').expire = Math.floor(Date.now() / 1000) - 1_000
    await meanwhile(async () => {
      const answer = await send(address, method, target, { headers: service.as('root') })
      expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': expect.any(String) } })
      expect(JSON.parse(answer.body)).toEqual({ detail: expect.any(String) })
      expect(service.takeAsked().filter(isChange)).toEqual([])
    })
  })

  test('what loses none still is', () =>
    meanwhile(async () => {
      const answer = await send(address, 'GET', '/api/user/user_1', { headers: service.as('ada') })
      expect(answer.status).toBe(200)
    }))
})

describe('what the ledger could not learn when the panel had acted, it learns later', () => {
  /** Sends a call whose forwarding takes the database away. */
  const sendAndCut = async (method: string, target: string, as = service.as('root')) => {
    service.panel.faults.add({ kind: 'hook', method, times: 1, before: () => way.cut() })
    const answer = await send(address, method, target, { headers: as })
    way.restore()
    return answer
  }

  test.each(['leaver', 'unowned'])('a deleted user: %s', async (username) => {
    service.panel.state.createUser(username, { admin: username === 'unowned' ? null : 'ada', lifetime: 10n })
    const answer = await sendAndCut('DELETE', `/api/user/${username}`)
    // The panel's word, whatever became of the receipt.
    expect(answer.status).toBe(username === 'unowned' ? 500 : 200)
    const receipt = () =>
      service.db.selectFrom('deletions').select('state').where('username', '=', username).execute()
    expect(await receipt()).toEqual([{ state: 'preserved' }])
    await service.settle()
    expect(await receipt()).toEqual([{ state: 'deleted' }])
  })

  test('a deleted admin', async () => {
    service.panel.state.createAdmin('eve')
    await service.poll()
    const id = await service.idOf('eve')
    expect((await sendAndCut('DELETE', '/api/admin/eve')).status).toBe(200)
    await service.settle()
    const { closed_at: closedAt } = await service.db
      .selectFrom('admins')
      .select('closed_at')
      .where('id', '=', id)
      .executeTakeFirstOrThrow()
    expect(closedAt).not.toBeNull()
  })

  test('a failure that nobody foresaw takes nothing from the answer, and is logged', async () => {
    service.panel.state.createUser('unlucky', { admin: 'ada', lifetime: 10n })
    await sql`
      create function fail() returns trigger language plpgsql as $$ begin raise exception 'unforeseen'; end $$`.execute(
      direct,
    )
    await sql`
      create trigger fail before update on deletions for each row when (new.state = 'deleted')
      execute function fail()`.execute(direct)
    const answer = await send(address, 'DELETE', '/api/user/unlucky', { headers: service.as('root') })
    await sql`drop function fail cascade`.execute(direct)
    expect(answer).toMatchObject({ status: 200, body: '{"detail":"User successfully deleted"}' })
    expect(JSON.stringify(service.logged.filter(({ level }) => Number(level) >= 50))).toContain('unforeseen')
  })
})

describe('POST /api/users/reset of many', () => {
  const readingNow = async () => {
    const { body } = await service.app.inject({ url: '/sync', headers: service.as('root') })
    return JSON.parse(body).front[0]
  }
  const reset = () => {
    const { hostname, port } = new URL(address)
    const { username, password } = service.panel.sudo
    const { access_token: token } = service.panel.tokens.logIn(new URLSearchParams({ username, password }))
    const headers = { authorization: `Bearer ${token}` }
    return request({ hostname, port, method: 'POST', path: '/api/users/reset', headers, agent: false }).end()
  }

  test('is not forwarded when its caller goes away meanwhile', async () => {
    const sent = reset()
    sent.on('error', () => {})
    const atPageThree = new Promise<void>((resolve) => {
      service.panel.faults.add({
        kind: 'hook',
        method: 'GET',
        path: '/api/users',
        skip: 2,
        times: 1,
        before: async () => {
          const closed = new Promise((done) => sent.on('close', done))
          sent.destroy()
          await closed
          resolve()
        },
      })
    })
    await atPageThree
    await expect.poll(async () => (await readingNow()).running).toBe(false)
    const asked = service.takeAsked()
    expect(asked).not.toContain('POST /api/users/reset')
    expect(asked.filter((call) => call === 'GET /api/users').length).toBeLessThan(6)
    expect(service.panel.state.mustFind('user_1').used).toBe(10n)
  })

  test('reads page by page, shows how far it is, and answers when all is done', async () => {
    const progress: unknown[] = []
    service.panel.faults.add({
      kind: 'hook',
      method: 'GET',
      path: '/api/users',
      skip: 2,
      times: 1,
      before: async () => {
        const reading = await readingNow()
        progress.push([reading.running, reading.users_done, reading.users_total])
      },
    })
    const [response] = await once(reset(), 'response')
    expect(response.statusCode).toBe(200)
    expect(progress).toEqual([[true, expect.any(Number), 1_000]])
    const asked = service.takeAsked()
    const at = asked.indexOf('POST /api/users/reset')
    const pages = (calls: string[]) => calls.filter((call) => call === 'GET /api/users').length
    // Of 100 users each, or of up to 800 while the ledger lags; each begins with the last user of the one before.
    expect(pages(asked.slice(0, at))).toBeGreaterThanOrEqual(4)
    expect(pages(asked.slice(0, at))).toBeLessThanOrEqual(11)
    expect(pages(asked.slice(at))).toBe(0)
    expect(service.logged).toContainEqual(expect.objectContaining({ msg: 'scanned 1000 of 1000 users' }))
    const { counted } = await service.db
      .selectFrom('tenures')
      .select(({ fn }) => fn.sum<bigint>('counted').as('counted'))
      .where('username', 'like', 'user\\_%')
      .executeTakeFirstOrThrow()
    expect(BigInt(counted)).toBe(10_000n)
  })
})
