import { once } from 'node:events'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { getCACertificates, setDefaultCACertificates, type TLSSocket } from 'node:tls'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { makeCertificate } from '../../support/certificate.ts'
import { startTestService, type TestService } from '../service.ts'
import { send } from './raw.ts'
import { echo } from './upstream.ts'

/** A panel that speaks TLS under the name of localhost, or of somebody else. */
async function startTlsPanel(hostname: string): Promise<{ server: Server; service: TestService }> {
  const pair = makeCertificate(hostname)
  setDefaultCACertificates([...getCACertificates('default'), pair.cert])
  const server = createServer(pair, (request, response) => {
    served.push((request.socket as TLSSocket & { servername: string }).servername)
    echo(request, response)
  })
  new WebSocketServer({ server }).on('connection', (socket, request) => {
    served.push((request.socket as TLSSocket & { servername: string }).servername)
    socket.send(String(request.headers.host))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const upstream = `https://localhost:${(server.address() as AddressInfo).port}`
  const service = await startTestService({ admins: [], upstream })
  await service.app.listen({ host: '127.0.0.1', port: 0 })
  return { server, service }
}

let served: unknown[] = []
let fitting: Awaited<ReturnType<typeof startTlsPanel>>
let foreign: Awaited<ReturnType<typeof startTlsPanel>>
beforeAll(async () => {
  fitting = await startTlsPanel('localhost')
  foreign = await startTlsPanel(`${'very-long-name.'.repeat(12)}example`)
})
afterAll(async () => {
  for (const { server, service } of [fitting, foreign]) {
    await service.close()
    server.closeAllConnections()
    server.close()
  }
})
beforeEach(() => {
  served = []
})

test.each(['ledger.example', 'other.example:8443', '10.0.0.1', '[::1]:80', '[', 'localhost'])(
  'TLS is for the name of the panel, whatever host the client asks for: %s',
  async (host) => {
    for (const method of ['GET', 'POST']) {
      const answer = await send(fitting.service.app.listeningOrigin, method, '/api/x', { headers: { host } })
      expect(JSON.parse(answer.body)).toMatchObject({ headers: { host, 'x-forwarded-host': host } })
    }
    expect(served).toEqual(['localhost', 'localhost'])
  },
)

test('a client that names no host gets the panel’s', async () => {
  const { host } = new URL(fitting.service.app.listeningOrigin)
  const answer = await send(`http://${host}`, 'GET', '/api/x', { headers: { host: '' } })
  expect(answer.status).toBe(200)
})

test('WebSockets likewise', async () => {
  const url = `${fitting.service.app.listeningOrigin.replace('http', 'ws')}/api/core/logs`
  const socket = new WebSocket(url, { headers: { host: 'ledger.example' } })
  const [host] = await once(socket, 'message')
  expect([String(host), served]).toEqual(['ledger.example', ['localhost']])
  socket.close()
})

test('a certificate that does not fit closes a WebSocket, and nothing else', async () => {
  const { app } = foreign.service
  const socket = new WebSocket(`${app.listeningOrigin.replace('http', 'ws')}/api/core/logs`)
  const [code, reason] = await once(socket, 'close')
  expect([code, String(reason)]).toEqual([1011, 'The panel did not take the WebSocket.'])
  const answer = await send(app.listeningOrigin, 'GET', '/api/x')
  expect(answer.status).toBe(502)
  expect(answer.body).toContain('ERR_TLS_CERT_ALTNAME_INVALID')
  expect(answer.body).not.toMatch(/localhost|very-long-name/)
})
