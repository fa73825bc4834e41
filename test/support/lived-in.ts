import { startTestService, type TestService, withKey } from '../http/service.ts'

/**
 * A service with a past: deletions seen and unseen, a move, resets, a value that cannot be counted, limits, grants, a hold, keys, a
 * receipt that waits for the panel. `close` it when done.
 */
export async function startLivedIn(): Promise<TestService> {
  const service = await startTestService({
    admins: [
      { username: 'ada', usage: 5_000n },
      { username: 'ben' },
      { username: 'cyd' },
      { username: 'رضا' },
      { username: 'root', isSudo: true },
    ],
    panelTimeoutMs: 300,
  })
  const { state } = service.panel
  const call = async (method: 'DELETE' | 'POST' | 'PUT', url: string, payload: object | null = null) => {
    const headers = { ...withKey, ...(payload && { 'content-type': 'application/json' }) }
    const { statusCode, body } = await service.app.inject({
      method,
      url,
      headers,
      ...(payload && { payload }),
    })
    // The deletion that the panel does not answer.
    if (statusCode >= 400 && statusCode !== 502) throw new Error(`${method} ${url}: ${statusCode} ${body}`)
  }
  const look = async () => {
    await service.poll()
    await service.scan()
  }
  for (const owner of ['ada', 'ben', 'cyd', 'رضا', null]) {
    for (const number of [1, 2, 3, 4]) {
      const name = `${owner === 'رضا' ? 'reza' : (owner ?? 'nobody')}_${number}`
      state.createUser(name, { admin: owner, lifetime: BigInt(number) * 2n ** 40n + 7n })
    }
  }
  await look()
  for (const name of ['ada_1', 'ada_2', 'ben_1', 'cyd_1', 'reza_1']) state.accrue(name, 2n ** 53n + 1n)
  await look()
  await call('DELETE', '/users/ada_1')
  await call('DELETE', '/users/nobody_1')
  // Behind the service's back.
  state.accrue('ben_1', 999n)
  state.deleteUser('ben_1')
  state.setOwner('cyd_1', 'ben')
  state.createUser('ada_1', { admin: 'ada', lifetime: 31n })
  await look()
  await call('POST', '/deletions', { usernames: ['cyd_2', 'cyd_3'] })
  service.panel.faults.add({ method: 'DELETE', path: '/api/user/ben_2', kind: 'cut' })
  await call('DELETE', '/users/ben_2')
  const [ada, ben] = [await service.idOf('ada'), await service.idOf('ben')]
  const month = { unit: 'month', timezone: 'Asia/Tehran' }
  await call('PUT', `/admins/${ada}/limit`, { traffic_limit: 9_000, period: month, on_exceed: 'notify' })
  await call('POST', `/admins/${ada}/grants`, { bytes: 5, reference: 'invoice-1' })
  await call('PUT', `/admins/${ben}/limit`, { traffic_limit: 10, period: null, on_exceed: 'disable_users' })
  await call('POST', `/admins/${ben}/hold`, { reason: 'unpaid' })
  await call('POST', '/api-keys', { name: 'bot', role: 'admin', access: 'read', admin: Number(ada) })
  await look()
  return service
}
