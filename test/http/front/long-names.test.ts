import { expect, test } from 'vitest'
import { enforceHold } from '../../../src/work/holding/enforce-hold.ts'
import { createHolds } from '../../../src/work/holding/operator-hold.ts'
import { send } from './raw.ts'
import { useFront } from './use-front.ts'

const front = useFront()

test('a reseller cannot make users that no hold can disable', async () => {
  const { service } = front
  const { db, client: panel } = service
  const make = (username: string) => {
    const body = JSON.stringify({ username, proxies: { shadowsocks: {} } })
    return send(front.address, 'POST', '/api/user', {
      headers: { ...service.as('ada'), 'content-type': 'application/json' },
      body,
    })
  }
  const answers = []
  for (const length of [20_000, 1_000]) answers.push((await make(`abc.${'x'.repeat(length - 4)}`)).status)
  await createHolds({ db }).place(await service.idOf('ada'), { reason: 'unpaid', by: 'api_key' })
  const signal = new AbortController().signal
  await enforceHold({ db, panel, graceMs: 1_000, signal }, await service.idOf('ada'))
  const served = [...service.panel.state.users.values()].filter(({ status }) => status === 'active')
  expect([answers, served.map(({ username }) => username.length)]).toEqual([[400, 200], []])
})
