import { expect, test } from 'vitest'
import { send } from './raw.ts'
import { useFront } from './use-front.ts'

// A panel that does not count by admin: only the readings of users have the bytes.
const front = useFront({ hasUsage: false })

test('a user whom only scans could read before a reset loses nothing of what it consumes after it', async () => {
  const { service } = front
  const { panel } = service
  const username = front.newUser('ada', 100n)
  await service.poll()
  await service.scan()
  await service.scan()
  // Each answer about the user overlaps the end of a scan.
  const before = () => service.scan()
  panel.faults.add({ kind: 'hook', method: 'GET', path: '/api/users', times: 1, before })
  panel.faults.add({ kind: 'hook', method: 'GET', path: `/api/user/${username}`, times: 4, before })
  const { username: sudo, password } = panel.sudo
  const token = panel.tokens.logIn(new URLSearchParams({ username: sudo, password })).access_token
  const headers = { authorization: `Bearer ${token}` }
  expect((await send(front.address, 'POST', '/api/users/reset', { headers })).status).toBe(200)
  panel.state.accrue(username, 40)
  await service.scan()
  expect(await front.counted(username)).toBe(140n)
})
