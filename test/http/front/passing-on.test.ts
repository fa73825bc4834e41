import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type IncomingMessage, request, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startTestService, type TestService } from '../service.ts'
import { send, sendBytes } from './raw.ts'
import { startUpstream, type Upstream } from './upstream.ts'

type Handle = (request: IncomingMessage, response: ServerResponse) => void

const echo: Handle = (incoming, response) => {
  const digest = createHash('sha256')
  let bytes = 0
  incoming.on('data', (chunk: Buffer) => {
    digest.update(chunk)
    bytes += chunk.length
  })
  incoming.on('end', () => {
    response.setHeader('content-type', 'application/json')
    const { method, url, headers } = incoming
    response.end(JSON.stringify({ method, url, headers, bytes, digest: digest.digest('hex') }))
  })
}

let upstream: Upstream
let service: TestService
let trusting: TestService
let address: string
let handle: Handle = echo

beforeAll(async () => {
  upstream = await startUpstream((incoming, response) => handle(incoming, response))
  service = await startTestService({
    admins: [],
    upstream: `${upstream.url}/base`,
    patience: { headersMs: 100, requestMs: 200, checkEveryMs: 20 },
  })
  address = await service.app.listen({ host: '127.0.0.1', port: 0 })
  trusting = await startTestService({
    admins: [],
    upstream: upstream.url,
    trustProxy: ['127.0.0.1', '10.0.0.0/8'],
  })
  await trusting.app.listen({ host: '127.0.0.1', port: 0 })
})
afterAll(async () => {
  await service.close()
  await trusting.close()
  await upstream.close()
})
beforeEach(() => {
  handle = echo
})

/** What reached the panel's side. */
async function seen(method: string, target: string, options: Parameters<typeof send>[3] = {}) {
  const answer = await send(address, method, target, options)
  return JSON.parse(answer.body) as {
    method: string
    url: string
    headers: Record<string, string>
    bytes: number
    digest: string
  }
}

describe('a request', () => {
  test.each(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])(
    '%s keeps method, path and query',
    async (method) => {
      expect(await seen(method, '/api/nodes?a=1&b=%20&b=2&%5B%5D')).toMatchObject({
        method,
        url: '/base/api/nodes?a=1&b=%20&b=2&%5B%5D',
      })
    },
  )

  test.each([
    '/api/system',
    '/sub/abc.def',
    '/sub/abc/info',
    '/dashboard/',
    '/statics/a.js',
    '/api',
    '/dashboard',
  ])('for %s is the panel’s', async (path) => {
    expect(await seen('GET', path)).toMatchObject({ url: `/base${path}` })
  })

  test.each(['/docs', '/openapi.json', '/healthz', '/apis', '/subs/x', '/'])(
    'for %s is not',
    async (path) => {
      let asked = 0
      handle = (incoming, response) => {
        asked += 1
        echo(incoming, response)
      }
      await send(address, 'GET', path)
      expect(asked).toBe(0)
    },
  )

  test('keeps its headers, but not those of the connection', async () => {
    const { headers } = await seen('GET', '/api/x', {
      headers: {
        authorization: 'Bearer abc',
        accept: 'x/y',
        'x-own': ['1', '2'],
        connection: 'close, x-hop',
        'x-hop': '1',
        'keep-alive': 'timeout=5',
        te: 'trailers',
        'proxy-authorization': 'Basic x',
        upgrade: 'h2c',
        forwarded: 'for=1.2.3.4',
        'x-forwarded-for': '1.2.3.4',
        'x-forwarded-host': 'evil',
        'x-forwarded-proto': 'gopher',
        host: 'ledger.example',
      },
    })
    expect(headers).toMatchObject({ authorization: 'Bearer abc', accept: 'x/y', 'x-own': '1, 2' })
    expect(headers).toMatchObject({
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': 'ledger.example',
      host: new URL(upstream.url).host,
    })
    for (const name of ['x-hop', 'te', 'proxy-authorization', 'upgrade', 'forwarded']) {
      expect(headers).not.toHaveProperty(name)
    }
  })

  test('from a trusted proxy carries on what that says of the client, and no more', async () => {
    const base = trusting.app.listeningOrigin
    const answer = await send(base, 'GET', '/api/x', {
      headers: {
        'x-forwarded-for': '6.6.6.6, 9.9.9.9, 10.1.1.1',
        'x-forwarded-proto': 'https',
        'x-forwarded-host': 'ledger.example',
      },
    })
    expect(JSON.parse(answer.body).headers).toMatchObject({
      'x-forwarded-for': '9.9.9.9, 10.1.1.1, 127.0.0.1',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'ledger.example',
    })
  })

  test.each([
    ['with its length', true],
    ['chunked', false],
  ])('has its body streamed %s', async (_name, hasLength) => {
    const body = randomBytes(3 * 1024 * 1024)
    const { hostname, port } = new URL(address)
    const sent = request({ hostname, port, method: 'POST', path: '/api/core/config', agent: false })
    if (hasLength) sent.setHeader('content-length', body.length)
    sent.write(body.subarray(0, 1_000_000))
    sent.end(body.subarray(1_000_000))
    const [response] = (await once(sent, 'response')) as [IncomingMessage]
    const answer = JSON.parse(await text(response))
    expect(answer).toMatchObject({
      bytes: body.length,
      digest: createHash('sha256').update(body).digest('hex'),
    })
  })

  test.each(['application/json', 'application/x-www-form-urlencoded', 'text/plain', undefined])(
    'has its body of type %s left as it is',
    async (type) => {
      const body = '{"a":  1, "a": 2,}'
      const headers: Record<string, string> = type === undefined ? {} : { 'content-type': type }
      const answer = await seen('POST', '/api/x', { body, headers })
      expect(answer.digest).toBe(createHash('sha256').update(body).digest('hex'))
      expect(answer.headers['content-type']).toBe(type)
    },
  )

  test.each([true, false])('with more than 10 MiB is refused; announced: %s', async (announced) => {
    const { hostname, port } = new URL(address)
    const sent = request({ hostname, port, method: 'POST', path: '/api/x', agent: false })
    sent.on('error', () => {})
    const answered = once(sent, 'response') as Promise<[IncomingMessage]>
    if (announced) sent.setHeader('content-length', 10 * 1024 * 1024 + 1)
    const piece = Buffer.alloc(1024 * 1024)
    for (let i = 0; i < 11; i += 1) sent.write(piece)
    if (!announced) sent.end()
    const [response] = await answered
    expect(response.statusCode).toBe(413)
    expect(JSON.parse(await text(response))).toEqual({ detail: 'The body is larger than 10 MiB.' })
    sent.destroy()
    expect(await seen('GET', '/api/x')).toMatchObject({ url: '/base/api/x' })
  })

  test('that asks before it sends its body is told to go on', async () => {
    const answer = await seen('POST', '/api/x', { body: 'abc', headers: { expect: '100-continue' } })
    expect(answer).toMatchObject({ bytes: 3 })
    expect(answer.headers).not.toHaveProperty('expect')
  })

  test('that reads shares connections to the panel; one that changes something has its own', async () => {
    await seen('GET', '/api/x')
    const before = upstream.connections()
    for (let i = 0; i < 5; i += 1) await seen('GET', '/api/x')
    expect(upstream.connections()).toBe(before)
    for (let i = 0; i < 3; i += 1) await seen('POST', '/api/x', { body: '1' })
    expect(upstream.connections()).toBe(before + 3)
  })
})

describe('an answer', () => {
  test.each([200, 201, 204, 206, 304, 307, 401, 404, 418, 422, 500, 503])(
    'keeps its status %i',
    async (status) => {
      handle = (_incoming, response) => response.writeHead(status, { 'x-own': 'yes' }).end()
      expect(await send(address, 'GET', '/api/x')).toMatchObject({ status, headers: { 'x-own': 'yes' } })
    },
  )

  test('of 503 is not asked for again', async () => {
    let asked = 0
    handle = (_incoming, response) => {
      asked += 1
      response.writeHead(503).end()
    }
    await send(address, 'GET', '/api/x')
    expect(asked).toBe(1)
  })

  test('keeps its headers, but not those of the connection, and gets none of ours', async () => {
    handle = (_incoming, response) =>
      response
        .writeHead(200, {
          'set-cookie': ['a=1', 'b=2'],
          server: 'uvicorn',
          'content-security-policy': 'x',
          'proxy-connection': 'y',
        })
        .end('x')
    const { headers } = await send(address, 'GET', '/dashboard/')
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
    handle = (_incoming, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(packed)
    const { hostname, port } = new URL(address)
    const sent = request({ hostname, port, path: '/api/x', agent: false }).end()
    const [response] = (await once(sent, 'response')) as [IncomingMessage]
    const chunks = await response.toArray()
    expect(Buffer.concat(chunks)).toEqual(packed)
    expect(response.headers['content-encoding']).toBe('gzip')
  })

  test('to HEAD keeps the length it announces', async () => {
    handle = (_incoming, response) => response.writeHead(200, { 'content-length': 1234 }).end()
    expect(await send(address, 'HEAD', '/api/x')).toMatchObject({
      status: 200,
      body: '',
      headers: { 'content-length': '1234' },
    })
  })

  test('arrives as it is made', async () => {
    let finish = () => {}
    handle = (_incoming, response) => {
      response.write('first')
      finish = () => response.end('last')
    }
    const { hostname, port } = new URL(address)
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
    const location = _what === 'of the panel' ? upstream.url + to : to
    handle = (_incoming, response) => response.writeHead(307, { location }).end()
    const { headers } = await send(address, 'GET', path)
    expect(headers.location).toBe(expected)
  })

  test('that breaks off breaks off', async () => {
    handle = (_incoming, response) => {
      response.writeHead(200, { 'content-length': 100 })
      response.write('half', () => response.destroy())
    }
    await expect(send(address, 'GET', '/api/x')).rejects.toThrow()
  })
})

describe('a panel', () => {
  const detail = (pattern: RegExp) => ({ detail: expect.stringMatching(pattern) })

  test('that hangs: 504 in its own form', async () => {
    handle = () => {}
    const answer = await send(address, 'GET', '/api/x')
    expect(answer).toMatchObject({
      status: 504,
      headers: { 'content-type': 'application/json; charset=utf-8' },
    })
    expect(JSON.parse(answer.body)).toEqual(detail(/did not answer/))
  })

  test('that hangs up on what changes something: 502, and it is not asked again', async () => {
    let asked = 0
    handle = (incoming) => {
      asked += 1
      incoming.socket.destroy()
    }
    const answer = await send(address, 'POST', '/api/user', { body: '{}' })
    expect(answer).toMatchObject({ status: 502, headers: { 'retry-after': '5' } })
    expect(JSON.parse(answer.body)).toEqual(detail(/cannot be reached/))
    expect(asked).toBe(1)
  })

  test('that drops a kept connection is asked once more for what only reads', async () => {
    let asked = 0
    handle = (incoming, response) => {
      asked += 1
      if (asked === 1) incoming.socket.destroy()
      else echo(incoming, response)
    }
    expect((await send(address, 'GET', '/api/x')).status).toBe(200)
  })

  test('whose answers quote a subscription: neither the path nor the answer is logged', async () => {
    handle = (incoming) => incoming.socket.end('this-is-no-http secret-answer\r\n\r\n')
    const answer = await send(address, 'GET', '/sub/secret-link?token=secret-query')
    expect(answer.status).toBe(502)
    handle = echo
    await send(address, 'GET', '/sub/secret-link?token=secret-query')
    expect(answer.body + JSON.stringify(service.logged)).not.toContain('secret-')
    expect(service.logged).toContainEqual(expect.objectContaining({ path: '/sub/...' }))
  })
})

describe('what is no proper request', () => {
  const next = () => expect(seen('GET', '/api/x')).resolves.toMatchObject({ url: '/base/api/x' })

  test.each([
    [
      'both lengths',
      'POST /api/x HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['two lengths', 'POST /api/x HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\nabcde'],
    [
      'a bad chunk size',
      'POST /api/x HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n',
    ],
    [
      'a chunk extension cut short',
      'POST /api/x HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3;\n\rabc',
    ],
    ['an unknown coding', 'POST /api/x HTTP/1.1\r\nhost: x\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n'],
    [
      'a coding twice',
      'POST /api/x HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n',
    ],
    ['a negative length', 'POST /api/x HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n'],
    ['a space before the colon', 'POST /api/x HTTP/1.1\r\nhost: x\r\ncontent-length : 4\r\n\r\nabcd'],
    ['a folded header', 'GET /api/x HTTP/1.1\r\nhost: x\r\nx-a: 1\r\n content-length: 4\r\n\r\n'],
    ['headers too large', `GET /api/x HTTP/1.1\r\nhost: x\r\nx-a: ${'a'.repeat(20_000)}\r\n\r\n`],
    ['bare line feeds', 'GET /api/x HTTP/1.1\nhost: x\n\n'],
  ])('%s is refused, and the next request is served', async (_name, bytes) => {
    const reached: string[] = []
    handle = (incoming, response) => {
      reached.push(`${incoming.method} ${incoming.url}`)
      echo(incoming, response)
    }
    const answer = await sendBytes(
      address,
      `${bytes}DELETE /api/nodes HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`,
    )
    expect(answer).toMatch(/^HTTP\/1.1 4\d\d /)
    // Nothing that was hidden in it came through.
    expect(reached.filter((line) => line.startsWith('DELETE'))).toEqual([])
    handle = echo
    await next()
  })

  test.each([
    ['headers', 'GET /api/x HTTP/1.1\r\nhost: x\r\n'],
    ['a body', 'POST /api/x HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nab'],
  ])('%s that never end are not waited for', async (_name, bytes) => {
    expect(await sendBytes(address, bytes)).toMatch(/^HTTP\/1.1 408 /)
    await next()
  })

  test('an upload that its client gives up reaches the panel as one that broke off', async () => {
    const { hostname, port } = new URL(address)
    const socket = connect(Number(port), hostname)
    const brokenOff = new Promise<boolean>((resolve) => {
      handle = (incoming) => {
        incoming.on('data', () => socket.destroy())
        incoming.on('error', () => resolve(true))
        incoming.on('end', () => resolve(false))
      }
    })
    socket.write('POST /api/x HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nhalf')
    expect(await brokenOff).toBe(true)
    handle = echo
    await next()
  })
})
