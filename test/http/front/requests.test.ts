import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestService, type TestService } from '../service.ts'
import { send } from './raw.ts'
import { echo, seen as seenBy } from './upstream.ts'
import { useUpstream } from './use-front.ts'

const facing = useUpstream(echo)
const seen = (method: string, target: string, options?: Parameters<typeof send>[3]) =>
  seenBy(facing.address, method, target, options)

let trusting: TestService
beforeAll(async () => {
  const trustProxy = ['127.0.0.1', '10.0.0.0/8']
  trusting = await startTestService({ admins: [], upstream: facing.upstream.url, trustProxy })
  await trusting.app.listen({ host: '127.0.0.1', port: 0 })
})
afterAll(() => trusting.close())

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
    `/sub/${'long'.repeat(1_000)}/`,
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
      facing.handle = (incoming, response) => {
        asked += 1
        echo(incoming, response)
      }
      await send(facing.address, 'GET', path)
      expect(asked).toBe(0)
    },
  )

  test('gets 404 where the front is off', async () => {
    const other = await startTestService({ admins: [], upstream: facing.upstream.url, front: null })
    const base = await other.app.listen({ host: '127.0.0.1', port: 0 })
    expect(await send(base, 'GET', '/api/x')).toMatchObject({ status: 404 })
    await other.close()
  })

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
        'x-api-key': 'the-key-of-the-operator',
        'x-webhook-secret': 'the-secret-of-the-panel',
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
      host: 'ledger.example',
    })
    const ours = ['x-api-key', 'x-webhook-secret']
    for (const name of ['x-hop', 'te', 'proxy-authorization', 'upgrade', 'forwarded', ...ours]) {
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
  ])('has its body passed on whole, %s', async (_name, hasLength) => {
    const body = randomBytes(3 * 1024 * 1024)
    const { hostname, port } = new URL(facing.address)
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

  test('that reads loses a body, which no server looks at', async () => {
    const answer = await seen('GET', '/api/x', { body: 'abc', headers: { 'content-length': '3' } })
    expect(answer).toMatchObject({ bytes: 0, url: '/base/api/x' })
    expect(answer.headers).not.toHaveProperty('content-length')
  })

  test.each([true, false])('with more than 10 MiB is refused; announced: %s', async (announced) => {
    const { hostname, port } = new URL(facing.address)
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
    expect(facing.service.logged).toContainEqual(expect.objectContaining({ path: '/api/x', status: 413 }))
    expect(await seen('GET', '/api/x')).toMatchObject({ url: '/base/api/x' })
  })

  test('that asks before it sends its body is told to go on', async () => {
    const answer = await seen('POST', '/api/x', { body: 'abc', headers: { expect: '100-continue' } })
    expect(answer).toMatchObject({ bytes: 3 })
    expect(answer.headers).not.toHaveProperty('expect')
  })

  test('that reads shares connections to the panel; one that changes something has its own', async () => {
    await seen('GET', '/api/x')
    const before = facing.upstream.connections()
    for (let i = 0; i < 5; i += 1) await seen('GET', '/api/x')
    expect(facing.upstream.connections()).toBe(before)
    for (let i = 0; i < 3; i += 1) await seen('POST', '/api/x', { body: '1' })
    expect(facing.upstream.connections()).toBe(before + 3)
  })
})
