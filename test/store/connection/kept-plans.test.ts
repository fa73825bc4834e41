import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestService, type TestService, withKey } from '../../http/service.ts'

let service: TestService
beforeAll(async () => {
  service = await startTestService({ admins: [{ username: 'ada' }] })
  await service.poll()
})
afterAll(() => service.close())

const call = async (method: 'GET' | 'DELETE', url: string) => {
  const answer = await service.app.inject({ method, url, headers: withKey })
  expect(answer.statusCode, answer.body).toBe(200)
}

/** How often this session planned a prepared statement for the values of one call, and how often it took the plan it keeps. */
async function planned(): Promise<{ text: string; anew: number; kept: number }[]> {
  const { rows } = await sql<{ text: string; anew: bigint; kept: bigint }>`
    select statement as text, custom_plans as anew, generic_plans as kept from pg_prepared_statements`.execute(
    service.db,
  )
  return rows.map(({ text, anew, kept }) => ({ text, anew: Number(anew), kept: Number(kept) }))
}

// PostgreSQL plans a prepared statement five times before it compares; see `given`.
test('sessions keep the plans of what is done to single users', async () => {
  for (let times = 0; times < 20; times += 1) {
    service.panel.state.createUser(`u${times}`, { admin: 'ada', lifetime: 10n })
    await service.scan()
    service.panel.state.accrue(`u${times}`, 5n)
    await service.scan()
    await call('DELETE', `/users/u${times}`)
    await call('GET', `/admins/${await service.idOf('ada')}/stats`)
  }
  const often = (await planned()).filter(({ anew, kept }) => anew + kept >= 15)
  expect(often.length).toBeGreaterThan(8)
  expect(often.filter(({ anew }) => anew > 5)).toEqual([])
})
