import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { sendBytes } from './raw.ts'
import { echo, seen } from './upstream.ts'
import { useUpstream } from './use-front.ts'

const facing = useUpstream(echo, { patience: { headersMs: 100, requestMs: 200, checkEveryMs: 20 } })

describe('what is no proper request', () => {
  const next = () =>
    expect(seen(facing.address, 'GET', '/api/x')).resolves.toMatchObject({ url: '/base/api/x' })

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
    facing.handle = (incoming, response) => {
      reached.push(`${incoming.method} ${incoming.url}`)
      echo(incoming, response)
    }
    const answer = await sendBytes(
      facing.address,
      `${bytes}DELETE /api/nodes HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`,
    )
    expect(answer).toMatch(/^HTTP\/1.1 4\d\d /)
    expect(facing.service.logged).toContainEqual(
      expect.objectContaining({ msg: 'a broken request was refused', address: '127.0.0.1' }),
    )
    // Nothing that was hidden in it came through.
    expect(reached.filter((line) => line.startsWith('DELETE'))).toEqual([])
    facing.handle = echo
    await next()
  })

  test.each([
    ['headers', 'GET /api/x HTTP/1.1\r\nhost: x\r\n'],
    ['a body', 'POST /api/x HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nab'],
  ])('%s that never end are not waited for', async (_name, bytes) => {
    expect(await sendBytes(facing.address, bytes)).toMatch(/^HTTP\/1.1 408 /)
    expect(facing.service.logged).toContainEqual(
      expect.objectContaining({ code: 'ERR_HTTP_REQUEST_TIMEOUT' }),
    )
    await next()
  })

  test('an upload that its client gives up reaches the panel as one that broke off', async () => {
    const { hostname, port } = new URL(facing.address)
    const socket = connect(Number(port), hostname)
    const brokenOff = new Promise<boolean>((resolve) => {
      facing.handle = (incoming) => {
        incoming.on('data', () => socket.destroy())
        incoming.on('error', () => resolve(true))
        incoming.on('end', () => resolve(false))
      }
    })
    socket.write('POST /api/x HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nhalf')
    expect(await brokenOff).toBe(true)
    facing.handle = echo
    await next()
    // It is no fault of the panel.
    expect(JSON.stringify(facing.service.logged)).not.toContain('cannot be reached')
  })
})
