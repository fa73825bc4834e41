import { beforeAll, describe, expect, test } from 'vitest'
import { type RawAnswer, send } from './raw.ts'
import { useFront } from './use-front.ts'

const front = useFront()
const { newUser } = front

async function stored(): Promise<unknown> {
  const { db } = front.service
  return {
    tenures: await db.selectFrom('tenures').selectAll().orderBy('id').execute(),
    deletions: await db.selectFrom('deletions').selectAll().orderBy('id').execute(),
  }
}

describe('a caller whom the panel refuses gets its own answer, and nothing is stored', () => {
  let others: string
  let mine: string
  beforeAll(() => {
    others = newUser('bob', 40n)
    mine = newUser('ada', 41n)
  })
  const calls: [string, (name: string) => string][] = [
    ['DELETE', (name) => `/api/user/${name}`],
    ['POST', (name) => `/api/user/${name}/reset`],
    ['POST', (name) => `/api/user/${name}/active-next`],
    ['PUT', (name) => `/api/user/${name}/set-owner?admin_username=ada`],
    ['DELETE', () => '/api/users/expired'],
    ['POST', () => '/api/users/reset'],
    ['DELETE', () => '/api/admin/bob'],
    ['POST', () => '/api/admin/usage/reset/bob'],
    // The panel looks for an admin before it asks who calls, and for a user before it asks who is sudo.
    ['DELETE', () => '/api/admin/nobody'],
    ['POST', () => '/api/admin/usage/reset/nobody'],
    ['PUT', (name) => `/api/user/${name}/set-owner`],
  ]
  const cases = calls.flatMap(([method, target]) =>
    (['none', 'garbage', 'spaced', 'ada'] as const).flatMap((as) =>
      (['others', 'mine', 'unknown'] as const).map((whose) => ({
        method,
        target,
        as,
        whose,
        call: target('x'),
      })),
    ),
  )
  /** What ada may do with her own. */
  const isRefused = ({ as, whose, call }: (typeof cases)[number]) =>
    as !== 'ada' || whose !== 'mine' || !/^\/api\/user\/x($|\/reset|\/active-next)/.test(call)

  test.each(cases.filter(isRefused))(
    '$method $call as $as of $whose',
    async ({ method, target, as, whose }) => {
      const name = { others, mine, unknown: 'nobody_has_this' }[whose]
      const headers = {
        none: {},
        garbage: { authorization: 'Bearer garbage' },
        spaced: { authorization: front.service.as('ada').authorization.replace(' ', '  ') },
        ada: front.service.as('ada'),
      }[as]
      const before = await stored()
      const backup = front.service.panel.state.backup()
      const answer = await send(front.address, method, target(name), { headers })
      expect(answer.status).toBeGreaterThanOrEqual(400)
      expect(await stored()).toEqual(before)
      expect(front.service.panel.state.backup()).toEqual(backup)
      const direct = await send(front.service.panel.url, method, target(name), { headers })
      // Of the headers, only what the two servers say of their own connections differs.
      const comparable = ({
        headers: { date: _date, connection: _connection, ...rest },
        ...answer
      }: RawAnswer) => ({
        ...answer,
        headers: { ...rest, 'keep-alive': undefined },
      })
      expect(comparable(answer)).toEqual(comparable(direct))
    },
  )

  test('a token that is meant for this hop alone does not reach the panel', async () => {
    const before = await stored()
    const answer = await send(front.address, 'DELETE', `/api/user/${mine}`, {
      headers: { ...front.service.as('ada'), connection: 'close, authorization' },
    })
    expect(answer).toMatchObject({ status: 401, body: '{"detail":"Not authenticated"}' })
    expect(await stored()).toEqual(before)
  })
})
