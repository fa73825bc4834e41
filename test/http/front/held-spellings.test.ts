import { connect } from 'node:net'
import { beforeEach, describe, expect, test } from 'vitest'
import { isServedStatus } from '../../stand-in/statuses.ts'
import { send, sendBytes } from './raw.ts'
import { plan, useHeldFront } from './use-held-front.ts'

const { front, hold, arrived } = useHeldFront()

/** Requests that would serve somebody, as they stand in the request line, with their body. */
const activating: [method: string, target: string, body: string][] = [
  ['/api/user', '{"username":"new_user","proxies":{"shadowsocks":{}}}', 'POST'] as const,
  ['/api/user/ada_disabled/reset', '', 'POST'] as const,
  ['/api/user/ada_disabled/revoke_sub', '', 'POST'] as const,
  ['/api/user/ada_disabled/active-next', '', 'POST'] as const,
  ['/api/user/ada_disabled', '{"status":"active"}', 'PUT'] as const,
].flatMap(([path, body, method]) =>
  [
    path,
    path.replace('user', '%75ser'),
    path.replace('api', '%61pi'),
    path.replace('/user', '%2Fuser'),
    path.replace('user', 'USER'),
    path.replace('api', 'API'),
    path.replace('user', '%2575ser'),
    path.replace('ada', '%61da'),
    `${path}/`,
    `${path}%2F`,
    `${path}%0a`,
    `${path}%20`,
    `${path}?x=1`,
    `${path}?preserve_traffic=true`,
    `${path};x`,
    `/${path}`,
    path.replace('/user', '//user'),
    path.replace('/user', '/./user'),
    `/sub/..${path}`,
    `/sub/%2e%2e${path}`,
    `/dashboard/%2e%2e%2f${path.slice(1)}`,
    `http://panel${path}`,
  ].flatMap((target) => [
    [method, target, body] as [string, string, string],
    [method.toLowerCase(), target, body] as [string, string, string],
  ]),
)

describe('by no spelling does a held admin serve anybody', () => {
  const bytesOf = (method: string, target: string, body: string, who: string) =>
    `${method} ${target} HTTP/1.1\r\nhost: panel\r\nconnection: close\r\ncontent-type: application/json\r\n` +
    `content-length: ${body.length}\r\nauthorization: ${front.service.as(who).authorization}\r\n\r\n${body}`
  const served = () =>
    [...front.service.panel.state.users.values()].filter(
      ({ owner, status }) => owner?.username === 'ada' && isServedStatus(status),
    ).length

  test.each(activating)('%s %s %s', async (method, target, body) => {
    const { state } = front.service.panel
    state.mustFind('ada_disabled').nextPlan = plan
    const before = served()
    await sendBytes(front.address, bytesOf(method, target, body, 'ada'))
    expect(served()).toBe(before)
  })

  test('and the same requests do serve somebody when nobody is held', async () => {
    await hold('nobody')
    let activated = 0
    for (const [method, target, body] of activating) {
      const { state } = front.service.panel
      Object.assign(state.mustFind('ada_disabled'), { status: 'disabled', nextPlan: plan })
      const before = served()
      await sendBytes(front.address, bytesOf(method, target, body, 'ada'))
      if (served() > before) activated += 1
      state.deleteUser('new_user')
    }
    expect(activated).toBeGreaterThanOrEqual(20)
  })

  test('nor by a token that the panel takes and this service cannot show to it', async () => {
    const { authorization } = front.service.as('ada')
    const spelt = `${authorization.slice(0, -2)}!!!!${authorization.slice(-2)}`
    const reset = (address: string) =>
      send(address, 'POST', '/api/user/ada_disabled/revoke_sub', { headers: { authorization: spelt } })
    expect((await reset(front.service.panel.url)).status).toBe(200)
    front.service.takeAsked()
    expect((await reset(front.address)).status).toBe(401)
    expect(arrived()).toEqual([])
  })
})

test('a hold counts for a call whose body is still on its way', async () => {
  await hold('nobody')
  const { hostname, port } = new URL(front.address)
  const socket = connect(Number(port), hostname)
  const answer = new Promise<string>((resolve) => {
    let text = ''
    socket.setEncoding('latin1')
    socket.on('data', (chunk) => {
      text += chunk
    })
    socket.on('close', () => resolve(text))
  })
  const body = '{"status":"active"}'
  socket.write(
    `PUT /api/user/ada_disabled HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n` +
      `authorization: ${front.service.as('ada').authorization}\r\ncontent-length: ${body.length}\r\n\r\n${body.slice(0, 5)}`,
  )
  // The service has the head of the request when it answers another one of the same client.
  await front.through('GET', '/api/users', 'ada')
  await hold('ada')
  socket.write(body.slice(5))
  expect(await answer).toContain('HTTP/1.1 403')
  expect(front.service.panel.state.mustFind('ada_disabled').status).toBe('disabled')
})

describe('while nobody can tell whether an admin is held', () => {
  beforeEach(() => hold('unknown'))

  test('a change is answered 503 and not sent', async () => {
    const answer = await front.through('POST', '/api/user/ada_disabled/reset', 'ada')
    expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': expect.any(String) } })
    expect(arrived()).toEqual([])
  })

  test('reading and deleting go on, and so does a sudo admin', async () => {
    expect((await front.through('GET', '/api/user/ada_active', 'ada')).status).toBe(200)
    expect((await front.through('DELETE', '/api/user/ada_active', 'ada')).status).toBe(200)
    expect((await front.through('POST', '/api/user/ada_disabled/reset', 'root')).status).toBe(200)
  })
})

test('who is released may change users again at once', async () => {
  expect((await front.through('POST', '/api/user/ada_disabled/reset', 'ada')).status).toBe(403)
  await hold('nobody')
  expect((await front.through('POST', '/api/user/ada_disabled/reset', 'ada')).status).toBe(200)
})
