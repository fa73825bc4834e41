import { connect } from 'node:net'
import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { until } from '../../support/until.ts'
import { brokenRequests } from '../broken-bytes.ts'
import { drip, send, sendBytes, sendPieces } from './raw.ts'
import { echo, seen } from './upstream.ts'
import { useUpstream } from './use-front.ts'

const facing = useUpstream(echo, {
  patience: { headersMs: 100, requestMs: 200, checkEveryMs: 20, answerMs: 200 },
})

describe('what is no proper request', () => {
  const next = () =>
    expect(seen(facing.address, 'GET', '/api/x')).resolves.toMatchObject({ url: '/base/api/x' })

  test.each(brokenRequests('/api/x'))(
    '%s is refused, and the next request is served',
    async (_name, bytes) => {
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
    },
  )

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

  test.each([
    ['headers', 'GET /api/x HTTP/1.1\r\n', 'x-a: 1\r\n'],
    ['a body', 'POST /api/x HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n', ' '],
  ])('%s that come drop by drop are not waited for', async (_name, bytes, drop) => {
    expect(await drip(facing.address, [bytes, drop], 20)).toMatch(/^HTTP\/1.1 408 /)
    await next()
  })

  test('what is not complete is not carried out', async () => {
    const reached: (string | undefined)[] = []
    facing.handle = (incoming, response) => {
      reached.push(incoming.url)
      echo(incoming, response)
    }
    const bytes = 'DELETE /api/user/ada HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nab'
    expect(await sendBytes(facing.address, bytes)).toMatch(/^HTTP\/1.1 408 /)
    expect(reached).toEqual([])
    await next()
  })

  test('garbage after a request does not get into its answer', async () => {
    const half = 'a'.repeat(1_000)
    const begun = Promise.withResolvers<void>()
    facing.handle = (_incoming, response) => {
      response.writeHead(200, { 'content-length': 2 * half.length })
      response.write(half, () => begun.resolve())
    }
    const garbage = async function* () {
      yield 'GET /api/x HTTP/1.1\r\nhost: x\r\n\r\n'
      await begun.promise
      yield '\0 garbage \r\n\r\n'
    }
    const answer = await sendPieces(facing.address, garbage())
    expect(answer).toMatch(/^HTTP\/1.1 200 /)
    expect(answer.match(/HTTP\/1.1/g)).toHaveLength(1)
    facing.handle = echo
    await next()
  })

  test('a client that takes nothing of its answer is not waited for', async () => {
    const freed = Promise.withResolvers<void>()
    facing.handle = (incoming, response) => {
      const endless = new Readable({ read: () => void endless.push(Buffer.alloc(65_536)) })
      response.on('close', () => freed.resolve())
      endless.pipe(response)
      incoming.resume()
    }
    const { hostname, port } = new URL(facing.address)
    const socket = connect(Number(port), hostname)
    socket.pause()
    socket.write('GET /api/x HTTP/1.1\r\nhost: x\r\n\r\n')
    await freed.promise
    expect(facing.service.logged).toContainEqual(
      expect.objectContaining({ msg: 'a client did not read its answer', address: '127.0.0.1' }),
    )
    socket.destroy()
    facing.handle = echo
    await next()
  })

  test('a panel that takes its time between two pieces of an answer is', async () => {
    facing.handle = (_incoming, response) => {
      response.write('first')
      setTimeout(() => response.end('last'), 350)
    }
    expect((await send(facing.address, 'GET', '/api/x')).body).toBe('firstlast')
  })

  test('an upload that its client gives up never reaches the panel, and is one line of the log', async () => {
    const { hostname, port } = new URL(facing.address)
    let reached = 0
    facing.handle = (incoming, response) => {
      reached += 1
      echo(incoming, response)
    }
    const socket = connect(Number(port), hostname)
    facing.service.logged.length = 0
    socket.write('POST /api/x HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nhalf', () =>
      socket.destroy(),
    )
    await until('it is noticed', async () => facing.service.logged.length > 0)
    await next()
    expect(reached).toBe(1)
    const lines = facing.service.logged.filter(({ msg }) => msg !== 'answered')
    expect(lines).toEqual([
      expect.objectContaining({ level: 30, msg: 'a client went away', method: 'POST', path: '/api/x' }),
    ])
  })
})
