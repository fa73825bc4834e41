import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { send } from './raw.ts'

export type Upstream = { url: string; server: Server; connections: () => number; close(): Promise<void> }

export type Handle = (request: IncomingMessage, response: ServerResponse) => void

/** An HTTP server where the panel should be, for what goes over the wire and means nothing to the ledger. */
export async function startUpstream(answer: Handle): Promise<Upstream> {
  const server = createServer(answer)
  let connections = 0
  server.on('connection', () => {
    connections += 1
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    server,
    connections: () => connections,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Answers with what was asked. */
export const echo: Handle = (incoming, response) => {
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

/** What reaches an upstream that answers with it. */
export async function seen(
  address: string,
  method: string,
  target: string,
  options: Parameters<typeof send>[3] = {},
) {
  const answer = await send(address, method, target, options)
  return JSON.parse(answer.body) as {
    method: string
    url: string
    headers: Record<string, string>
    bytes: number
    digest: string
  }
}
