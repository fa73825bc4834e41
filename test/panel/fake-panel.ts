import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { createPanelClient, type PanelClientOptions } from '../../src/panel/marzban/client.ts'
import type { PanelClient } from '../../src/panel/panel.ts'

/** A server with the answers of a test. Of Marzban it knows only the login, unless the test gives another. */
export type FakePanel = {
  url: string
  host: string
  /** Requests in their order of arrival, as `GET /api/admin`, the login left out. */
  requests: string[]
  /** The Authorization header of each of `requests`. */
  authorizations: (string | undefined)[]
  /** The client's port of each of `requests`: two requests with one port shared a connection. */
  ports: (number | undefined)[]
  /** The bodies of the logins that arrived. */
  logins: string[]
  close(): Promise<void>
}

export type Answer = (request: IncomingMessage, response: ServerResponse) => void

export const password = 'pass-word-9c41'

/** The n-th login, from 1 on, gets the token `token-n-77af`. */
export const tokenOf = (login: number) => `token-${login}-77af`

export async function startFakePanel(answer: Answer, login: Answer = grantToken()): Promise<FakePanel> {
  const requests: string[] = []
  const authorizations: (string | undefined)[] = []
  const ports: (number | undefined)[] = []
  const logins: string[] = []
  const server = createServer(async (request, response) => {
    if (request.url?.endsWith('/api/admin/token')) {
      logins.push(Buffer.concat(await request.toArray()).toString())
      login(request, response)
      return
    }
    requests.push(`${request.method} ${request.url}`)
    authorizations.push(request.headers.authorization)
    ports.push(request.socket.remotePort)
    answer(request, response)
  })
  const { url, host } = await listen(server)
  const close = async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
  return { url, host, requests, authorizations, ports, logins, close }
}

export function grantToken(): Answer {
  let login = 0
  return (_request, response) => {
    login += 1
    json(response, 200, { access_token: tokenOf(login), token_type: 'bearer' })
  }
}

/** A server that speaks TCP only: `onConnection` writes whatever it likes. */
export async function startTcpServer(onConnection: (socket: Socket) => void) {
  const sockets = new Set<Socket>()
  const server = createTcpServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    onConnection(socket)
  })
  const { url, host } = await listen(server)
  const close = async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  }
  return { url, host, connections: sockets, close }
}

async function listen(server: Server): Promise<{ url: string; host: string }> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url: `http://${host}`, host }
}

/** @param characters how many of the text are sent; left out: all. */
export function json(response: ServerResponse, status: number, body: unknown, characters?: number): void {
  const text = JSON.stringify(body)
  response.writeHead(status, { 'content-type': 'application/json' }).end(text?.slice(0, characters))
}

export function html(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'content-type': 'text/html' }).end('<html><body>Welcome</body></html>')
}

/** A client whose pauses take no time. */
export function connect(url: string, options: Partial<PanelClientOptions> = {}): PanelClient {
  return createPanelClient({
    url,
    username: 'root',
    password,
    timeoutMs: 2_000,
    sleep: async () => {},
    ...options,
  })
}

export const adminJson = {
  username: 'ada',
  is_sudo: false,
  telegram_id: null,
  discord_webhook: null,
  users_usage: 1540,
}

export const userJson = {
  username: 'ada_one',
  status: 'active',
  used_traffic: 7,
  lifetime_used_traffic: 1500,
  data_limit: 10_000,
  expire: 1_795_343_560,
  created_at: '2026-11-22T10:32:39.350617',
  links: ['ss://c2VjcmV0@127.0.0.1:1080'],
  proxies: { shadowsocks: { password: 'proxy-secret', method: 'chacha20-ietf-poly1305' } },
  admin: adminJson,
}
