import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { until } from '../../support/until.ts'
import { apiKey, startTestService, type TestService } from '../service.ts'

let service: TestService
beforeAll(async () => {
  service = await startTestService({ admins: [{ username: 'ana' }], panelTimeoutMs: 2_000 })
  await service.app.listen({ host: '127.0.0.1', port: 0 })
})
afterAll(() => service.close())
beforeEach(() => {
  service.panel.faults.clear()
  service.logged.length = 0
})

const key = `x-api-key: ${apiKey}\r\n`
const json = 'content-type: application/json\r\ncontent-length: 1000\r\n'
const token = () => `authorization: ${service.as('ana').authorization}\r\n`

test.each<[string, string, () => string, (socket: Socket) => void]>([
  [
    'in the middle of a body',
    'POST /deletions',
    () => `${key}${json}\r\n{"half`,
    (socket) => socket.destroy(),
  ],
  [
    'with a reset there',
    'POST /deletions',
    () => `${key}${json}\r\n{"half`,
    (socket) => socket.resetAndDestroy(),
  ],
  [
    'while the panel is asked who it is',
    'GET /admins',
    () => `${token()}\r\n`,
    (socket) => socket.resetAndDestroy(),
  ],
  [
    'while a call is passed on',
    'GET /api/admin',
    () => `${token()}\r\n`,
    (socket) => socket.resetAndDestroy(),
  ],
  [
    'while a deletion is on its way',
    'DELETE /api/user/a',
    () => `${token()}\r\n`,
    (socket) => socket.resetAndDestroy(),
  ],
  [
    'in the middle of the body of a guarded call',
    'DELETE /api/user/a',
    () => `${token()}${json}\r\n{"half`,
    (socket) => socket.destroy(),
  ],
])('a client that goes away %s is one line of the log', async (_when, line, rest, leave) => {
  service.forgetTokens()
  const head = `${line} HTTP/1.1\r\nhost: x\r\n${rest()}`
  service.panel.faults.add({ method: 'GET', path: '/api/admin', kind: 'delay', ms: 300 })
  const asked = service.panel.requests.length
  const { hostname, port } = new URL(service.app.listeningOrigin)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => {})
  socket.write(head)
  await new Promise((resolve) => setTimeout(resolve, 100))
  leave(socket)
  const lines = () => service.logged.filter(({ level }) => Number(level) >= 30)
  await until('it is noticed', async () => lines().length > 0, 5_000)
  // Whatever was asked on its behalf has been answered meanwhile.
  await until(
    'the panel has answered',
    async () => head.includes('half') || service.panel.requests.length > asked,
    5_000,
  )
  await new Promise((resolve) => setTimeout(resolve, 100))
  const [method, path] = line.split(' ')
  expect(lines()).toEqual([
    expect.objectContaining({ level: 30, msg: 'a client went away', method, path, address: '127.0.0.1' }),
  ])
  expect(lines()[0]).not.toHaveProperty('err')
})
