import { expect, test } from 'vitest'
import { send } from './raw.ts'
import { useFront } from './use-front.ts'

const front = useFront()
const expire = 10 ** 14

test.each([
  ['POST', '/api/user', { username: 'bella', proxies: { shadowsocks: {} }, expire }],
  ['PUT', '/api/user/anna', { expire }],
  ['PUT', '/api/%75ser/anna', { status: 'active', on_hold_expire_duration: expire }],
])(
  '%s %s with an expiry that the panel cannot read back gets 400 and never reaches the panel',
  async (method, path, fields) => {
    const { state } = front.service.panel
    if (!state.users.has('anna')) state.createUser('anna', { admin: 'ada' })
    const body = JSON.stringify(fields)
    const headers = {
      ...front.service.as('root'),
      'content-type': 'application/json',
      'content-length': String(body.length),
    }
    const answer = await send(front.address, method, path, { headers, body })
    expect([answer.status, JSON.parse(answer.body).detail]).toEqual([
      400,
      expect.stringContaining('year 9999'),
    ])
    expect(state.users.has('bella')).toBe(false)
    expect(state.mustFind('anna').expire).toBeNull()
  },
)

test('a reseller cannot have a plan carried out that leaves a user whom the panel can never list', async () => {
  const { service, address } = front
  const username = front.newUser('ada', 0n, { dataLimit: 10 })
  const headers = { ...service.as('ada'), 'content-type': 'application/json' }
  const next_plan = { data_limit: -5, add_remaining_traffic: true }
  const queued = await send(address, 'PUT', `/api/user/${username}`, {
    headers,
    body: JSON.stringify({ next_plan }),
  })
  await front.through('POST', `/api/user/${username}/active-next`, 'ada')
  expect([queued.status, (await front.through('GET', '/api/users', 'root')).status]).toEqual([400, 200])
})
