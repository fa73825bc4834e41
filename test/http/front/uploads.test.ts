import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { bufferBytes } from '../../support/held-memory.ts'
import { until } from '../../support/until.ts'
import { send } from './raw.ts'
import { echo } from './upstream.ts'
import { useUpstream } from './use-front.ts'

const mebibyte = 1024 * 1024
const facing = useUpstream(echo)
const login = 'POST /api/admin/token HTTP/1.1\r\nhost: x\r\ncontent-length: 50\r\n\r\nusername='

/** Clients that send `bytes` and then nothing, and what each of them has been answered so far. */
async function strangers(
  count: number,
  bytes: string | Buffer,
): Promise<{ answers: () => string[]; sockets: Socket[] }> {
  const { hostname, port } = new URL(facing.address)
  const answers = Array.from({ length: count }, () => '')
  const sockets = answers.map((_, i) => {
    const socket = connect(Number(port), hostname)
    socket
      .on('error', () => {})
      .on('data', (chunk) => {
        answers[i] += String(chunk)
      })
    socket.write(bytes)
    return socket
  })
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
  })
  await Promise.all(sockets.map((socket) => once(socket, 'connect')))
  return { answers: () => answers.filter((answer) => answer !== ''), sockets }
}

describe('bodies that do not end', () => {
  test('of 200 logins at once hold no connection to the panel, and nobody else’s login', async () => {
    const reached: string[] = []
    facing.handle = (incoming, response) => {
      reached.push(`${incoming.method} ${incoming.url}`)
      echo(incoming, response)
    }
    const before = facing.upstream.connections()
    const { answers } = await strangers(200, login)
    await until('the oldest make way', async () => answers().length >= 168, 10_000)
    for (let i = 0; i < 40; i += 1) {
      const body = 'username=ana&password=secret'
      expect((await send(facing.address, 'POST', '/api/admin/token', { body })).status).toBe(200)
    }
    expect(reached).toHaveLength(40)
    expect(facing.upstream.connections() - before).toBeLessThanOrEqual(40)
    for (const answer of answers()) expect(answer).toMatch(/^HTTP\/1.1 429 .*\r\nretry-after: 1\r\n/s)
  })

  test('of guarded calls are small: more is refused before it is read', async () => {
    const { answers } = await strangers(
      60,
      'DELETE /api/user/x HTTP/1.1\r\nhost: x\r\ncontent-length: 9900000\r\n\r\n',
    )
    await until('all are refused', async () => answers().length === 60, 10_000)
    for (const answer of answers()) expect(answer).toMatch(/^HTTP\/1.1 413 .*The body is larger than 64 KiB/s)
  })

  test.each([
    ['of guarded calls, announced by nobody,', 'DELETE /api/user/x', 60, 58],
    ['of anything else', 'POST /api/core/config', 60, 58],
  ])('%s cost little memory', async (_name, line, count, refused) => {
    const before = bufferBytes()
    const chunk = `${(mebibyte).toString(16)}\r\n${'x'.repeat(mebibyte)}\r\n`
    const head = `${line} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n`
    const { answers, sockets } = await strangers(count, head)
    for (let i = 0; i < 5; i += 1) for (const socket of sockets) socket.write(chunk)
    await until('all but a few are refused', async () => answers().length >= refused, 20_000)
    for (const answer of answers()) expect(answer).toMatch(/^HTTP\/1.1 (413|429) /)
    // The clients of this very process hold what they have not sent yet, until they hear of the refusal.
    await until('little is held', async () => bufferBytes() - before < 64 * mebibyte, 10_000)
    expect((await send(facing.address, 'POST', '/api/admin/token', { body: 'x' })).status).toBe(200)
  })

  test('one that ends is served as soon as it does, however many do not', async () => {
    const { sockets, answers } = await strangers(20, login)
    sockets[0]?.write('a'.repeat(50 - 'username='.length))
    await until('it is answered', async () => answers().length === 1, 5_000)
    expect(answers()[0]).toMatch(/^HTTP\/1.1 200 /)
  })
})
