import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startTestService, type TestService } from '../service.ts'
import { send, sendBytes } from './raw.ts'

let service: TestService
let address: string

beforeAll(async () => {
  service = await startTestService({ admins: [{ username: 'ada' }, { username: 'root', isSudo: true }] })
  address = await service.app.listen({ host: '127.0.0.1', port: 0 })
  await service.poll()
})
afterAll(() => service.close())

const names = ['alice', 'a_b', 'bob@x', 'c.d-e', 'A_B']
const past = Math.floor(Date.now() / 1000) - 1_000

beforeEach(async () => {
  for (const table of ['deletions', 'tenures'] as const) await service.db.deleteFrom(table).execute()
  populate()
})

function populate(): void {
  const { state } = service.panel
  for (const name of state.users.keys()) state.deleteUser(name)
  for (const name of names) state.createUser(name, { admin: 'ada', lifetime: 100n })
  state.createUser('late', { admin: 'ada', lifetime: 100n, status: 'expired', expire: past })
}

/** What the panel has lost since it was populated: users, and counters that were set back. */
function lost(): string[] {
  const { users } = service.panel.state
  return [...names, 'late'].filter((name) => users.get(name)?.past !== 0n || users.get(name)?.used !== 100n)
}

/** Of whom the ledger has the whole traffic. */
async function preserved(): Promise<string[]> {
  const rows = await service.db.selectFrom('tenures').select('username').where('counted', '=', 100n).execute()
  return rows.map(({ username }) => username)
}

/** Each as it stands in the request line, with the method. */
const spellings: [method: string, target: string][] = [
  // As it should be.
  ['DELETE', '/api/user/alice'],
  ['DELETE', '/api/user/a_b'],
  ['DELETE', '/api/user/bob@x'],
  ['DELETE', '/api/user/c.d-e'],
  ['DELETE', '/api/users/expired'],
  ['POST', '/api/user/alice/reset'],
  // Percent-encoded letters, digits of either case, marks.
  ['DELETE', '/%61pi/user/alice'],
  ['DELETE', '/%61%70%69/%75%73%65%72/%61%6c%69%63%65'],
  ['DELETE', '/%61%70%69/%75%73%65%72/%61%6C%69%63%65'],
  ['DELETE', '/api/%75ser/alice'],
  ['DELETE', '/api/user/%61lice'],
  ['DELETE', '/api/user/alic%65'],
  ['DELETE', '/api/user/a%5Fb'],
  ['DELETE', '/api/user/a%5fb'],
  ['DELETE', '/api/user/bob%40x'],
  ['DELETE', '/api/user/c%2Ed%2De'],
  ['DELETE', '/api/users/%65xpired'],
  ['POST', '/api/user/alice/%72eset'],
  ['POST', '/api/user/alice/rese%74'],
  // Encoded slashes are slashes to the panel.
  ['DELETE', '/api%2Fuser/alice'],
  ['DELETE', '/api/user%2Falice'],
  ['DELETE', '/api%2fuser%2falice'],
  ['DELETE', '%2Fapi/user/alice'],
  ['DELETE', '/%2Fapi/user/alice'],
  ['DELETE', '/api/users%2Fexpired'],
  ['POST', '/api/user/alice%2Freset'],
  ['DELETE', '/api/user/alice%2F'],
  // Encoded twice.
  ['DELETE', '/api/%2575ser/alice'],
  ['DELETE', '/api%252Fuser/alice'],
  ['DELETE', '/api/user/a%255Fb'],
  // Slashes too many.
  ['DELETE', '//api/user/alice'],
  ['DELETE', '/api//user/alice'],
  ['DELETE', '/api/user//alice'],
  ['DELETE', '///api/user/alice'],
  ['DELETE', '/api/user/alice/'],
  ['DELETE', '/api/user/alice//'],
  ['DELETE', '/api/users/expired/'],
  ['POST', '/api/user/alice/reset/'],
  ['DELETE', '/api\\user\\alice'],
  ['DELETE', '/api/user%5Calice'],
  // Dot segments, plain and encoded.
  ['DELETE', '/api/./user/alice'],
  ['DELETE', '/api/x/../user/alice'],
  ['DELETE', '/sub/../api/user/alice'],
  ['DELETE', '/dashboard/../api/user/alice'],
  ['DELETE', '/api/%2e/user/alice'],
  ['DELETE', '/sub/%2e%2e/api/user/alice'],
  ['DELETE', '/sub/%2E%2E%2Fapi/user/alice'],
  ['DELETE', '/sub/.%2e/api/user/alice'],
  ['DELETE', '/statics/..%2fapi/user/alice'],
  ['DELETE', '/docs/../api/user/alice'],
  ['DELETE', '/api/user/x/../alice'],
  ['DELETE', '/api/user/alice/.'],
  // Letters of the other case.
  ['DELETE', '/API/user/alice'],
  ['DELETE', '/api/User/alice'],
  ['DELETE', '/api/user/ALICE'],
  ['DELETE', '/api/user/A_B'],
  ['DELETE', '/api/users/EXPIRED'],
  // Parameters, queries, fragments.
  ['DELETE', '/api/user/alice;x=1'],
  ['DELETE', '/api;x=1/user/alice'],
  ['DELETE', '/api/user;/alice'],
  ['DELETE', '/api/user/alice?x=1'],
  ['DELETE', '/api/user/alice?'],
  ['DELETE', '/api/user/alice??x'],
  ['DELETE', '/api/user/alice?/../bob@x'],
  ['DELETE', '/api/user/alice%3Fx=1'],
  ['DELETE', '/api/user/alice#x'],
  ['DELETE', '/api/user/alice%23x'],
  ['DELETE', '/api/users/expired?expired_before=2001-01-01T00:00:00Z'],
  // Overlong and invalid encodings, bytes that are no text.
  ['DELETE', '/api/user%c0%afalice'],
  ['DELETE', '/%c1%a1pi/user/alice'],
  ['DELETE', '/api/user/%e0%81%a1lice'],
  ['DELETE', '/api/user/alice%'],
  ['DELETE', '/api/user/alice%4'],
  ['DELETE', '/api/user/%zzalice'],
  ['DELETE', '/api/user/%u0061lice'],
  ['DELETE', '/api/user/alice%00'],
  ['DELETE', '/api/user/alice%0a'],
  ['DELETE', '/api/users/expired%0A'],
  ['POST', '/api/user/alice/reset%0a'],
  ['DELETE', '/api/user/alice%20'],
  ['DELETE', '/api/user/alice+'],
  ['DELETE', '/api/user/%ef%bd%81lice'],
  ['DELETE', '/api/user/%ff'],
  // Not the path alone.
  ['DELETE', 'http://127.0.0.1/api/user/alice'],
  ['DELETE', 'HTTP://panel.example/api/user/alice'],
  ['DELETE', 'api/user/alice'],
  ['DELETE', '*'],
  // Methods that the panel does not know there, or reads as they stand.
  ['POST', '/api/user/alice'],
  ['PATCH', '/api/user/alice'],
  ['HEAD', '/api/user/alice'],
  ['OPTIONS', '/api/user/alice'],
  ['GET', '/api/user/alice?_method=DELETE'],
  ['POST', '/api/user/alice?_method=DELETE'],
  ['delete', '/api/user/alice'],
]

test('the table is long enough', () => {
  expect(new Set(spellings.map(String)).size).toBeGreaterThanOrEqual(60)
})

const statusesOf = (answer: string) =>
  [...answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status))

/**
 * Sends the same bytes to the panel and through the front, and expects what is lost of the one to be lost of the other, or
 * nothing where it is refused; and the ledger to have kept all of it.
 *
 * @returns the users that were lost through the front.
 */
async function expectKept(text: string): Promise<string[]> {
  const direct = statusesOf(await sendBytes(service.panel.url, text))
  const lostDirectly = lost()
  populate()
  const statuses = statusesOf(await sendBytes(address, text))
  const lostThrough = lost()
  expect(await preserved()).toEqual(expect.arrayContaining(lostThrough))
  if (statuses.includes(400)) expect(lostThrough).toEqual([])
  else expect({ lost: lostThrough, statuses }).toEqual({ lost: lostDirectly, statuses: direct })
  // Nobody is preserved for a call that loses nothing.
  const receipts = await service.db
    .selectFrom('deletions')
    .select('username')
    .where('state', '=', 'deleted')
    .execute()
  expect(receipts).toEqual(text.startsWith('DELETE') ? lostThrough.map((username) => ({ username })) : [])
  return lostThrough
}

describe('what the panel loses by a spelling is what the ledger has kept', () => {
  test.each(spellings)('%s %s', async (method, target) => {
    const { authorization } = service.as('ada')
    await expectKept(
      `${method} ${target} HTTP/1.1\r\nhost: panel\r\nconnection: close\r\ncontent-length: 0\r\n` +
        `authorization: ${authorization}\r\n\r\n`,
    )
  })

  const close = 'connection: close\r\n'
  const upgrade =
    'connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n'
  test.each<[name: string, lost: string[], text: (token: string) => string]>([
    ['HTTP/1.0', ['alice'], (token) => `DELETE /api/user/alice HTTP/1.0\r\n${token}\r\n`],
    [
      'a token in a header of small letters',
      ['alice'],
      (token) =>
        `DELETE /api/user/alice HTTP/1.1\r\nhost: x\r\n${close}${token.toLowerCase().slice(0, 22)}${token.slice(22)}\r\n`,
    ],
    [
      'a body in chunks',
      ['alice'],
      (token) =>
        `DELETE /api/user/alice HTTP/1.1\r\nhost: x\r\n${close}${token}transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
    ],
    [
      'one request right after the other',
      ['alice', 'a_b'],
      (token) =>
        `DELETE /api/user/alice HTTP/1.1\r\nhost: x\r\n${token}\r\n` +
        `DELETE /api/user/a_b HTTP/1.1\r\nhost: x\r\n${close}${token}\r\n`,
    ],
    [
      'a second token',
      ['alice'],
      (token) =>
        `DELETE /api/user/alice HTTP/1.1\r\nhost: x\r\n${close}${token}authorization: Bearer other\r\n\r\n`,
    ],
  ])('%s', async (_name, expected, text) => {
    const token = `Authorization: ${service.as('ada').authorization}\r\n`
    expect(await expectKept(text(token))).toEqual(expected)
  })

  test.each([
    'DELETE /api/user/alice',
    'POST /api/user/alice/reset',
    'DELETE /api/users/expired',
    'GET /api/user/alice',
  ])('%s as a WebSocket loses nothing', async (line) => {
    const token = `authorization: ${service.as('ada').authorization}\r\n`
    service.takeAsked()
    const answer = await sendBytes(address, `${line} HTTP/1.1\r\nhost: x\r\n${upgrade}${token}\r\n`)
    expect(answer).toMatch(/^HTTP\/1\.1 (101|4\d\d) /)
    expect(lost()).toEqual([])
    expect(service.takeAsked().filter((call) => !call.startsWith('GET'))).toEqual([])
  })

  test('a method that no web client uses is not passed on', async () => {
    const answer = await send(address, 'PROPFIND', '/api/user/alice', { headers: service.as('ada') })
    expect(answer.status).toBe(405)
    expect(service.takeAsked().filter((call) => call.startsWith('PROPFIND'))).toEqual([])
  })

  test.each(['X-HTTP-Method-Override', 'X-Method-Override', 'X-HTTP-Method'])(
    '%s: DELETE',
    async (header) => {
      for (const base of [service.panel.url, address]) {
        const answer = await send(base, 'POST', '/api/user/alice', {
          headers: { ...service.as('ada'), [header]: 'DELETE' },
        })
        expect(answer.status).toBe(405)
        expect(lost()).toEqual([])
      }
    },
  )
})
