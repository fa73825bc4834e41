import { once } from 'node:events'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import { sql } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'
import { until } from '../../support/until.ts'
import { send } from './raw.ts'
import { echo } from './upstream.ts'
import { useUpstream } from './use-front.ts'

const facing = useUpstream(echo, { lanes: { connections: 2, waitMs: 300 }, panelTimeoutMs: 3_000 })

test.each(['GET', 'POST', 'DELETE'])(
  'a %s that finds no connection to the panel is told to come back',
  async (method) => {
    let held = 0
    const free: (() => void)[] = []
    facing.handle = (incoming, response) => {
      held += 1
      free.push(() => echo(incoming, response))
    }
    const holding = [1, 2].map(() => send(facing.address, method, '/api/nodes'))
    await until('both connections are in use', async () => held === 2, 5_000)
    const answer = await send(facing.address, method, '/api/nodes')
    expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '5' } })
    expect(JSON.parse(answer.body)).toEqual({ detail: expect.stringContaining('ask again later') })
    const waiting = send(facing.address, method, '/api/nodes')
    facing.handle = echo
    for (const release of free) release()
    expect((await waiting).status).toBe(200)
    for (const { status } of await Promise.all(holding)) expect(status).toBe(200)
  },
)

test('who waits and goes away leaves its place, and the panel hears nothing of it', async () => {
  const asked: unknown[] = []
  const free: (() => void)[] = []
  facing.handle = (incoming, response) => {
    asked.push(incoming.url)
    free.push(() => echo(incoming, response))
  }
  const holding = [1, 2].map(() => send(facing.address, 'POST', '/api/nodes'))
  await until('both connections are in use', async () => asked.length === 2, 5_000)
  const { hostname, port } = new URL(facing.address)
  const socket = connect(Number(port), hostname)
  facing.service.logged.length = 0
  socket.write('POST /api/gone HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\nx', () =>
    socket.resetAndDestroy(),
  )
  const isNoticed = async () => facing.service.logged.some(({ msg }) => msg === 'a client went away')
  await until('it is noticed', isNoticed, 5_000)
  for (const release of free) release()
  await Promise.all(holding)
  expect(asked).not.toContain('/base/api/gone')
  expect(facing.service.logged.filter(({ level }) => Number(level) > 30)).toEqual([])
})

test('a client that takes its answer drop by drop makes way for others that wait', async () => {
  facing.handle = (_incoming, response) => {
    new Readable({
      read() {
        this.push(Buffer.alloc(65_536))
      },
    })
      .on('error', () => {})
      .pipe(response)
  }
  const { hostname, port } = new URL(facing.address)
  const slow = [1, 2].map(() => {
    const socket = connect(Number(port), hostname)
    socket.on('error', () => {})
    socket.write('GET /statics/a.js HTTP/1.1\r\nhost: x\r\n\r\n')
    return socket
  })
  onTestFinished(() => {
    for (const socket of slow) socket.destroy()
  })
  for (const socket of slow) {
    await once(socket, 'data')
    socket.pause()
  }
  facing.handle = echo
  expect((await send(facing.address, 'GET', '/api/x')).status).toBe(200)
  expect(facing.service.logged).toContainEqual(expect.objectContaining({ level: 40, code: 'CUT_FOR_OTHERS' }))
})

test('an answer that nobody takes any more gives its connection back', async () => {
  facing.handle = (_incoming, response) => {
    new Readable({
      read() {
        this.push(Buffer.alloc(65_536))
      },
    })
      .on('error', () => {})
      .pipe(response)
  }
  const { hostname, port } = new URL(facing.address)
  for (let i = 0; i < 10; i += 1) {
    const socket = connect(Number(port), hostname)
    socket.on('error', () => {})
    const begun = new Promise((resolve) => socket.once('data', resolve))
    socket.write('GET /statics/a.js HTTP/1.1\r\nhost: x\r\n\r\n')
    await begun
    socket.resetAndDestroy()
  }
  facing.handle = echo
  expect((await send(facing.address, 'GET', '/api/x')).status).toBe(200)
})

test('an answer that could not be noted gives its connection back', async () => {
  const { db } = facing.service
  await sql`alter table held_users rename to away`.execute(db)
  onTestFinished(() => sql`alter table away rename to held_users`.execute(db).then(() => {}))
  for (let i = 0; i < 4; i += 1) {
    const headers = { 'content-type': 'application/json', 'content-length': '21' }
    const disabling = { headers, body: '{"status":"disabled"}' }
    expect((await send(facing.address, 'PUT', '/api/user/ada', disabling)).status).toBe(500)
  }
  expect((await send(facing.address, 'POST', '/api/nodes')).status).toBe(200)
})

test.each([200, 204, 205, 304, 404, 500, 999])(
  'an answer of %i gives its connection back',
  async (status) => {
    facing.handle = (_incoming, response) => response.writeHead(status).end()
    for (const method of ['GET', 'HEAD', 'POST', 'DELETE']) {
      for (let i = 0; i < 4; i += 1) {
        const answer = await send(facing.address, method, '/api/nodes')
        expect(answer.status).toBe(status === 999 ? 502 : status)
      }
    }
  },
)
