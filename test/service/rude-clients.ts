import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { oneOf, type Random } from '../support/random.ts'

/** Tokens by which the panel knows a sudo admin, and an admin that is none. */
export type Rights = { sudo: string; admin: string }

const upgrade = 'connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n'
const key = 'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
const paths = [
  '/docs/static/swagger-ui-bundle.js',
  '/docs',
  '/openapi.json',
  '/healthz',
  '/readyz',
  '/admins',
  '/admins/me/stats',
  '/deletions',
  '/users/alice',
  '/webhooks/marzban',
  '/nothing',
  '/',
  '/api/system',
  '/api/users',
  '/api/user/alice',
  '/api/users/expired',
  '/api/core/logs',
  '/api//core/logs',
  '/sub/abc',
  '/dashboard/',
  '/statics/a.js',
]
const methods = ['GET', 'GET', 'GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'CONNECT', 'TRACE']

/** What somebody says who means no good, or dies in the middle of it. */
function opening(random: Random, { sudo, admin }: Rights): string {
  const token = oneOf(random, [sudo, admin, 'garbage', 'garbage']) ?? ''
  const who = random(2) === 0 ? `authorization: Bearer ${token}\r\n` : ''
  const request = (line: string, more = '') => `${line} HTTP/1.1\r\nhost: x\r\n${who}${more}\r\n`
  const path = oneOf(random, paths) ?? '/'
  const logs = `${oneOf(random, ['/api/core/logs', '/api/node/1/logs', '/api/%63ore/logs'])}?token=${token}`
  const plain = request(`${oneOf(random, methods)} ${path}`)
  const kinds = [
    () => plain,
    () => request(`GET ${path}`, upgrade + key),
    () => request(`${oneOf(random, methods)} ${path}`, upgrade),
    () => request(`GET ${logs}`, upgrade + key),
    () => request(`GET ${logs}`, upgrade + key),
    () => request(`GET ${logs}`, upgrade + key) + frame(random),
    // Handshakes that cannot succeed.
    () => request(`GET ${logs}`, upgrade),
    () => request(`GET ${logs}`, `${upgrade}sec-websocket-key: short\r\n`),
    () => `${request(`GET ${logs}`, `${upgrade}${key}content-length: 5\r\n`)}ab`,
    () => request(`GET ${logs}`, `${upgrade}${key}sec-websocket-protocol: ,,\r\n`),
    () => plain + request(`GET ${logs}`, upgrade + key) + frame(random),
    () => request(`GET ${path}`, 'connection: Upgrade\r\nupgrade: h2c\r\n'),
    // Bodies that do not end.
    () => `${request(`POST ${path}`, 'content-length: 100000\r\ncontent-type: application/json\r\n')}{"a`,
    () => `${request('POST /api/admin/token', 'content-length: 50\r\n')}username=`,
    () => request('DELETE /api/user/x', 'content-length: 9900000\r\n') + 'a'.repeat(random(100_000)),
    () => `${request(`PUT ${path}`, 'transfer-encoding: chunked\r\n')}ffff\r\nabc`,
    () => request('POST /api/core/config', 'content-length: 9000000\r\n') + 'a'.repeat(random(100_000)),
    () => request(`POST ${path}`, 'expect: 100-continue\r\ncontent-length: 10\r\n'),
    // No requests at all.
    () => plain.slice(0, random(plain.length)),
    () => noise(random, 200),
    () => plain.repeat(20),
    () => '',
  ]
  return (oneOf(random, kinds) ?? (() => ''))()
}

/** A frame of a WebSocket as no client may send it, or may only once. */
function frame(random: Random): string {
  const kinds = [
    '\x81\x05hello',
    '\xc1\x85abcd\0\0\0\0\0',
    '\x83\x80abcd',
    '\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xffabcd',
    '\x81\xff\0\0\0\0\x10\0\0\0abcd',
    '\x89\xfe\0\xffabcd',
    '\x88\x81abcdx',
    '\x88\x82abcd\xff\xff',
    '\x81\x82abcd\xff\xff',
    '\x01\x81abcdx\x80',
    '\x8a\x80abcd'.repeat(200),
    '\x89\x80abcd'.repeat(200),
    `\x82\xfe\xea\x60abcd${'x'.repeat(60_000)}`,
    `\x01\x80abcd${'\0\x80abcd'.repeat(5_000)}`,
    noise(random, 50),
  ]
  return oneOf(random, kinds) ?? ''
}

function noise(random: Random, length: number): string {
  return String.fromCharCode(...Array.from({ length }, () => random(256)))
}

/** Opens a connection, is rude, and leaves in one of the ways there are. */
export async function beRude(url: string, random: Random, rights: Rights): Promise<void> {
  const { hostname, port } = new URL(url)
  const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true })
  socket.on('error', () => {})
  const reads = random(3)
  if (reads === 0) socket.pause()
  else if (reads === 1) socket.resume()
  else socket.once('data', () => socket.pause())
  socket.write(opening(random, rights), 'latin1')
  for (let pieces = random(3); pieces > 0; pieces -= 1) {
    await setTimeout(random(20))
    socket.write(frame(random), 'latin1')
  }
  if (random(2) === 0) await setTimeout(random(40))
  await leave(socket, random)
}

async function leave(socket: Socket, random: Random): Promise<void> {
  switch (random(4)) {
    case 0:
      break
    case 1:
      socket.destroy()
      return
    case 2:
      socket.end()
      await setTimeout(random(100))
      break
    default:
      socket.resume()
      await setTimeout(random(300))
  }
  if (socket.connecting) await once(socket, 'connect')
  socket.resetAndDestroy()
  // Not only once everything is sent, which nobody may take.
  socket.destroy()
}
