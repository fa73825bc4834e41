import { readFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { reportingScan } from '../../src/store/collecting/scans.ts'
import { scanAdmin } from '../../src/work/observing/scan-admin.ts'
import { startTestService, type TestService, withKey } from '../http/service.ts'
import { accountOf, dueScanOf } from '../support/ledger.ts'
import { roundTripsOf } from '../support/round-trips.ts'

describe('what PostgreSQL is asked, in round trips as docs/reliability.md has them:', () => {
  const text = readFileSync(path.join(import.meta.dirname, '../../docs/reliability.md'), 'utf8')
  const [, section = ''] = text.split('\n## Round trips\n')
  const [table = ''] = section.split('\n## ')
  const documented = new Map(
    [...table.matchAll(/^\| (.*?) \| (\d+) \|/gm)].map(([, what = '', trips]) => [what, Number(trips)]),
  )
  let service: TestService

  beforeAll(async () => {
    service = await startTestService({ admins: [{ username: 'ada' }, { username: 'bob' }] })
    await service.poll()
    // The session that says that this service lives is opened once.
    await call('DELETE', `/users/${await newUser('first')}`, withKey)
    for (const index of scanned.keys()) service.panel.state.createUser(nameOf(index), { admin: 'bob' })
  })
  afterAll(() => service.close())

  const call = async (method: 'GET' | 'DELETE', url: string, headers: Record<string, string>) => {
    const answer = await service.app.inject({ method, url, headers })
    expect(answer.statusCode, answer.body).toBe(200)
  }
  const callTrips = (method: 'GET' | 'DELETE', url: string, headers: Record<string, string>) =>
    roundTripsOf(() => call(method, url, headers))

  /** A user that the ledger knows, and that has another status and a higher counter since. */
  const newUser = async (username: string) => {
    const { state } = service.panel
    const created = state.createUser(username, { admin: 'ada', lifetime: 10n })
    await service.scan()
    created.status = 'limited'
    state.accrue(username, 5n)
    return username
  }

  const scanned = Array.from({ length: 250 })
  const nameOf = (index: number) => `scanned_${index}`
  const consume = (step: number) => {
    for (const index of scanned.keys()) if (index % step === 0) service.panel.state.accrue(nameOf(index), 5n)
  }

  /** Scans all users, and counts from the panel's rest after the first page to that after the second. */
  const pageTrips = async () => {
    const account = await accountOf(service.db, 'bob')
    const due = await dueScanOf(service.db, account)
    const rests: number[] = []
    await roundTripsOf((made) => {
      const deps = {
        ...service.reading,
        signal: new AbortController().signal,
        now: () => 0,
        rest: async () => void rests.push(made()),
      }
      return scanAdmin(deps, due, (users) => [reportingScan(service.db, account.id, users)])
    })
    const [first = 0, second = 0] = rests
    return second - first
  }

  const operations: Record<string, () => Promise<number>> = {
    'Stats of an account': async () =>
      callTrips('GET', `/admins/${await service.idOf('ada')}/stats`, withKey),
    'A page of 100 users in a scan, all never seen before': pageTrips,
    'A page of 100 users in a scan, all with new traffic': () => {
      consume(1)
      return pageTrips()
    },
    'A page of 100 users in a scan, some with new traffic': () => {
      consume(3)
      return pageTrips()
    },
    'A page of 100 users in a scan, nothing new': pageTrips,
    'Deletion of a user': async () => callTrips('DELETE', `/users/${await newUser('by_key')}`, withKey),
    'Deletion of a user by its admin, whose token is new': async () => {
      const username = await newUser('by_admin')
      return callTrips('DELETE', `/users/${username}`, service.as('ada'))
    },
    'Deletion of a user through the front, whose token is new': async () => {
      const username = await newUser('through_the_front')
      service.forgetTokens()
      return callTrips('DELETE', `/api/user/${username}`, service.as('ada'))
    },
  }

  test('the table has these rows', () => {
    expect([...documented.keys()]).toEqual(Object.keys(operations))
  })

  test.each(Object.entries(operations))('%s', async (what, tripsOf) => {
    expect(await tripsOf()).toBe(documented.get(what))
  })
})
