import { expect, test } from 'vitest'
import { useFront } from './use-front.ts'

type Answer = Promise<Record<string, unknown>>

/** What is used of the package, which comes without the types it names. */
type Client = {
  authorize(): Promise<void>
  user: {
    addUser(user: object): Answer
    getUsers(offset?: number, limit?: number): Promise<{ users: { username: string }[]; total: number }>
    getUser(username: string): Answer
    resetUserDataUsage(username: string): Answer
    removeUser(username: string): Answer
    deleteExpiredUsers(after?: string, before?: string): Promise<string[]>
  }
}

const front = useFront()
const name = 'marzban-sdk'
const { MarzbanSDK } = (await import(name)) as { MarzbanSDK: new (config: object) => Client }

test('an ordinary client of Marzban works as ever, and no byte is lost by what it does', async () => {
  const { state } = front.service.panel
  const { password } = state.createAdmin('sdk')
  await front.service.poll()
  const client = new MarzbanSDK({
    baseUrl: front.address,
    username: 'sdk',
    password,
    retries: 0,
    authenticateOnInit: false,
  })
  await client.authorize()

  for (const username of ['kept', 'reset', 'removed', 'expired']) {
    const created = await client.user.addUser({ username: `sdk_${username}`, proxies: { shadowsocks: {} } })
    expect(created).toMatchObject({ username: `sdk_${username}`, admin: { username: 'sdk' } })
    state.accrue(`sdk_${username}`, 1_000)
  }
  expect(await client.user.getUsers()).toMatchObject({ total: 4 })
  expect(await client.user.getUser('sdk_kept')).toMatchObject({ used_traffic: 1_000 })

  expect(await client.user.resetUserDataUsage('sdk_reset')).toMatchObject({ used_traffic: 0 })
  state.accrue('sdk_reset', 50)
  expect(await client.user.removeUser('sdk_removed')).toEqual({ detail: 'User successfully deleted' })
  await expect(client.user.getUser('sdk_removed')).rejects.toThrow()
  Object.assign(state.mustFind('sdk_expired'), {
    status: 'expired',
    expire: Math.floor(Date.now() / 1000) - 1_000,
  })
  expect(await client.user.deleteExpiredUsers()).toEqual(['sdk_expired'])

  await front.service.scan()
  const { body } = await front.service.app.inject({
    url: `/admins/${await front.service.idOf('sdk')}/stats`,
    headers: front.service.as('sdk'),
  })
  expect(JSON.parse(body)).toMatchObject({
    total_traffic: 4_050,
    current_traffic: 2_050,
    preserved_traffic: 2_000,
    users: { total: 2, deleted: 2 },
  })
})
