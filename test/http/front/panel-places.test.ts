import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, request as requestPanel, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { readTrustedCertificates } from '../../../src/panel/transport/trusted-certificates.ts'
import { makeCertificate } from '../../support/certificate.ts'
import { startTestService, type TestService, withKey } from '../service.ts'
import { send } from './raw.ts'

const pair = makeCertificate('localhost')

type Place = {
  name: string
  listen: (server: Server, directory: string) => Promise<string>
  tls?: boolean
  base?: string
}

const places: Place[] = [
  { name: 'TLS with a certificate of MARZBAN_CA', tls: true, listen: listenOnPort },
  { name: 'TLS with a base path', tls: true, base: '/base', listen: listenOnPort },
  { name: 'a socket file', listen: (server, directory) => listenOnFile(server, `${directory}/panel.sock`) },
  {
    name: 'a socket file with a base path',
    base: '/base',
    listen: async (server, directory) => `${await listenOnFile(server, `${directory}/panel.sock`)}:/base`,
  },
  {
    name: 'a socket file whose name has colons',
    listen: (server, directory) => listenOnFile(server, `${directory}/panel:1 of 2.sock`),
  },
]

async function listenOnPort(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `https://localhost:${(server.address() as AddressInfo).port}`
}

async function listenOnFile(server: Server, file: string): Promise<string> {
  await new Promise<void>((resolve) => server.listen(file, resolve))
  return `unix:${file}`
}

describe.each(places)('a panel behind $name', ({ listen, tls = false, base = '' }) => {
  let directory = ''
  let service: TestService
  let address = ''
  /** A proxy of the panel that compresses all answers, whether asked to or not. */
  const proxy = tls ? createTlsServer(pair) : createServer()
  const hosts: (string | undefined)[] = []

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'ledger-panel-'))
    const ca = path.join(directory, 'ca.pem')
    await writeFile(ca, pair.cert)
    proxy.on('request', (incoming, response) => {
      hosts.push(incoming.headers.host)
      const { port } = new URL(service.panel.url)
      const onward = requestPanel(
        { host: '127.0.0.1', port, method: incoming.method, path: pathBelow(base, incoming.url) },
        async (answer) => {
          const body = gzipSync(Buffer.concat(await answer.toArray()))
          const headers = { ...answer.headers, 'content-encoding': 'gzip', 'content-length': body.length }
          response.writeHead(answer.statusCode ?? 0, headers).end(body)
        },
      )
      for (const [name, value] of Object.entries(incoming.headers)) onward.setHeader(name, value ?? '')
      incoming.pipe(onward)
    })
    proxy.on('upgrade', (incoming, socket) => {
      hosts.push(incoming.headers.host)
      const { port } = new URL(service.panel.url)
      const target = pathBelow(base, incoming.url)
      const onward = requestPanel({ host: '127.0.0.1', port, path: target, headers: incoming.headers })
      onward.on('upgrade', (answer, panel) => {
        const lines = Object.entries(answer.headers).map(([name, value]) => `${name}: ${value}`)
        socket.write(['HTTP/1.1 101 Switching Protocols', ...lines, '', ''].join('\r\n'))
        socket.on('error', () => panel.destroy()).pipe(panel)
        panel.on('error', () => socket.destroy()).pipe(socket)
      })
      onward.end()
    })
    const listening = await listen(proxy, directory)
    const url = listening.startsWith('https:') ? `${listening}${base}` : listening
    service = await startTestService({
      admins: [{ username: 'ada' }, { username: 'root', isSudo: true }],
      panelUrl: url,
      upstream: url,
      ...(tls && { trusted: await readTrustedCertificates(ca) }),
    })
    address = await service.app.listen({ host: '127.0.0.1', port: 0 })
    await service.poll()
  })
  afterAll(async () => {
    await service.close()
    proxy.closeAllConnections()
    proxy.close()
    await rm(directory, { recursive: true })
  })

  test('the service reads it, and deletes its users', async () => {
    service.panel.state.createUser('alice', { admin: 'ada', lifetime: 7n })
    await service.scan()
    const deleted = await send(address, 'DELETE', '/users/alice', { headers: withKey })
    expect(JSON.parse(deleted.body)).toMatchObject({ state: 'deleted', final_reading: 7 })
    expect(service.panel.state.find('alice')).toBeUndefined()
  })

  test('the front passes answers on as they come, and judges what they say', async () => {
    service.panel.state.createUser('bob', { admin: 'ada', lifetime: 9n })
    const host = 'ledger.example'
    const call = (method: string, target: string) =>
      fetch(`${address}${target}`, { method, headers: { ...service.as('ada'), host } })
    hosts.length = 0
    const read = await call('GET', '/api/user/bob')
    expect(read.headers.get('content-encoding')).toBe('gzip')
    expect(await read.json()).toMatchObject({ username: 'bob' })
    const raw = await send(address, 'DELETE', '/api/user/bob', { headers: { ...service.as('ada'), host } })
    expect([raw.status, raw.headers['content-encoding']]).toEqual([200, 'gzip'])
    expect(hosts).toContain(host)
    const { items } = JSON.parse(
      (await send(address, 'GET', '/deletions?limit=1', { headers: withKey })).body,
    ) as { items: unknown[] }
    expect(items).toEqual([
      expect.objectContaining({ username: 'bob', state: 'deleted', preserved_bytes: 9 }),
    ])
  })

  test('the deletion of expired users reads the compressed list', async () => {
    service.panel.state.createUser('carl', {
      admin: 'ada',
      lifetime: 9n,
      status: 'expired',
      expire: Math.floor(Date.now() / 1000) - 60,
    })
    const answer = await fetch(`${address}/api/users/expired`, {
      method: 'DELETE',
      headers: service.as('ada'),
    })
    expect(await answer.json()).toEqual(['carl'])
  })

  test('WebSockets reach it', async () => {
    const token = service.as('root').authorization.replace('Bearer ', '')
    const socket = new WebSocket(
      `${address.replace('http', 'ws')}/api/core/logs?token=${token}&interval=0.1:5`,
    )
    const [message] = await once(socket, 'message')
    expect(String(message)).not.toBe('')
    socket.close()
    await once(socket, 'close')
  })
})

function pathBelow(base: string, url = ''): string {
  return url.startsWith(base) ? url.slice(base.length) : '/not-below-the-base-path'
}
