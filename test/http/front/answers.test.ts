import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { send } from './raw.ts'
import { echo } from './upstream.ts'
import { useUpstream } from './use-front.ts'

const facing = useUpstream(echo)

describe('an answer', () => {
  test.each([200, 201, 204, 206, 304, 307, 401, 404, 418, 422, 500, 503])(
    'keeps its status %i',
    async (status) => {
      facing.handle = (_incoming, response) => response.writeHead(status, { 'x-own': 'yes' }).end()
      expect(await send(facing.address, 'GET', '/api/x')).toMatchObject({
        status,
        headers: { 'x-own': 'yes' },
      })
    },
  )

  test('of 503 is not asked for again', async () => {
    let asked = 0
    facing.handle = (_incoming, response) => {
      asked += 1
      response.writeHead(503).end()
    }
    await send(facing.address, 'GET', '/api/x')
    expect(asked).toBe(1)
  })

  test('keeps its headers, but not those of the connection, and gets none of ours', async () => {
    facing.handle = (_incoming, response) =>
      response
        .writeHead(200, {
          'set-cookie': ['a=1', 'b=2'],
          server: 'uvicorn',
          'content-security-policy': 'x',
          'proxy-connection': 'y',
        })
        .end('x')
    const { headers } = await send(facing.address, 'GET', '/dashboard/')
    expect(headers).toMatchObject({
      'set-cookie': ['a=1', 'b=2'],
      server: 'uvicorn',
      'content-security-policy': 'x',
    })
    expect(headers).not.toHaveProperty('proxy-connection')
    expect(headers).not.toHaveProperty('x-frame-options')
    expect(headers).not.toHaveProperty('content-type')
  })

  test('that is compressed stays as it is', async () => {
    const packed = gzipSync('hello'.repeat(1_000))
    facing.handle = (_incoming, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(packed)
    const { hostname, port } = new URL(facing.address)
    const sent = request({ hostname, port, path: '/api/x', agent: false }).end()
    const [response] = (await once(sent, 'response')) as [IncomingMessage]
    const chunks = await response.toArray()
    expect(Buffer.concat(chunks)).toEqual(packed)
    expect(response.headers['content-encoding']).toBe('gzip')
  })

  test('to HEAD keeps the length it announces', async () => {
    facing.handle = (_incoming, response) => response.writeHead(200, { 'content-length': 1234 }).end()
    expect(await send(facing.address, 'HEAD', '/api/x')).toMatchObject({
      status: 200,
      body: '',
      headers: { 'content-length': '1234' },
    })
  })

  test('arrives as it is made', async () => {
    let finish = () => {}
    facing.handle = (_incoming, response) => {
      response.write('first')
      finish = () => response.end('last')
    }
    const { hostname, port } = new URL(facing.address)
    const sent = request({ hostname, port, path: '/api/x', agent: false }).end()
    const [response] = (await once(sent, 'response')) as [IncomingMessage]
    const [first] = (await once(response, 'data')) as [Buffer]
    expect(first.toString()).toBe('first')
    finish()
    expect(await text(response)).toBe('last')
  })

  test.each([
    ['/api/user/x/', 'of the panel', '/base/api/user/x?y=1', '/api/user/x?y=1'],
    ['/dashboard', 'relative to the host', '/base/dashboard/', '/dashboard/'],
    ['/dashboard', 'relative to the path', 'login', 'login'],
    ['/sub/x', 'elsewhere', 'https://other.example/base/x', 'https://other.example/base/x'],
    ['/sub/x', 'beside the panel', '/else', '/else'],
  ])('to %s that redirects %s stays at our address', async (path, _what, to, expected) => {
    const location = _what === 'of the panel' ? facing.upstream.url + to : to
    facing.handle = (_incoming, response) => response.writeHead(307, { location }).end()
    const { headers } = await send(facing.address, 'GET', path)
    expect(headers.location).toBe(expected)
  })

  test('that breaks off breaks off', async () => {
    facing.handle = (_incoming, response) => {
      response.writeHead(200, { 'content-length': 100 })
      response.write('half', () => response.destroy())
    }
    await expect(send(facing.address, 'GET', '/api/x')).rejects.toThrow()
  })

  test('that names no length breaks off when its connection is reset, and is whole when it is closed', async () => {
    for (const isReset of [false, true]) {
      facing.handle = ({ socket }) => {
        socket.write('HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhalf', async () => {
          await setTimeout(50)
          isReset ? socket.resetAndDestroy() : socket.end()
        })
      }
      const answer = await send(facing.address, 'GET', '/sub/x').catch(() => null)
      expect(answer?.body).toBe(isReset ? undefined : 'half')
    }
  })
})

describe('a panel', () => {
  const detail = (pattern: RegExp) => ({ detail: expect.stringMatching(pattern) })

  test('that hangs: 504 in its own form', async () => {
    facing.handle = () => {}
    const answer = await send(facing.address, 'GET', '/api/x')
    expect(answer).toMatchObject({
      status: 504,
      headers: { 'content-type': 'application/json; charset=utf-8' },
    })
    expect(JSON.parse(answer.body)).toEqual(detail(/did not answer .* in time \(0\.8 s\)/))
  })

  test('that is down: 502 in its own form, and what comes when it is up is served', async () => {
    const { port } = new URL(facing.upstream.url)
    await facing.upstream.close()
    for (const method of ['GET', 'POST']) {
      const answer = await send(facing.address, method, '/api/x')
      expect(answer).toMatchObject({ status: 502, headers: { 'retry-after': '5' } })
      expect(JSON.parse(answer.body)).toEqual(detail(/cannot be reached \(ECONNREFUSED\)/))
    }
    await new Promise<void>((resolve) => facing.upstream.server.listen(Number(port), '127.0.0.1', resolve))
    expect((await send(facing.address, 'GET', '/api/x')).status).toBe(200)
  })

  test('that hangs up on what changes something: 502, and it is not asked again', async () => {
    let asked = 0
    facing.handle = (incoming) => {
      asked += 1
      incoming.socket.destroy()
    }
    const answer = await send(facing.address, 'POST', '/api/user', { body: '{}' })
    expect(answer).toMatchObject({ status: 502, headers: { 'retry-after': '5' } })
    expect(JSON.parse(answer.body)).toEqual(detail(/cannot be reached/))
    expect(asked).toBe(1)
  })

  test('that drops a kept connection is asked once more for what only reads', async () => {
    let asked = 0
    facing.handle = (incoming, response) => {
      asked += 1
      if (asked === 1) incoming.socket.destroy()
      else echo(incoming, response)
    }
    expect((await send(facing.address, 'GET', '/api/x')).status).toBe(200)
  })

  test('whose answers quote a subscription: neither the path nor the answer is logged', async () => {
    facing.handle = (incoming) => incoming.socket.end('this-is-no-http secret-answer\r\n\r\n')
    const answer = await send(facing.address, 'GET', '/sub/secret-link?token=secret-query')
    expect(answer.status).toBe(502)
    facing.handle = echo
    await send(facing.address, 'GET', '/sub/secret-link?token=secret-query')
    expect(answer.body + JSON.stringify(facing.service.logged)).not.toContain('secret-')
    expect(facing.service.logged).toContainEqual(expect.objectContaining({ path: '/sub/...' }))
  })
})
