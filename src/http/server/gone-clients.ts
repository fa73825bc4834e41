import type { ServerResponse } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { App } from '../app-type.ts'
import { pathOf } from './path-for-log.ts'

/** The answers that this service has cut off itself, and has logged. */
const cut = new WeakSet<ServerResponse>()

/** Notes that this service itself cuts off an answer. */
export function noteCut(response: ServerResponse): void {
  cut.add(response)
}

/** Whether the client has left. Whatever fails after that is nobody's fault. */
export function isGone({ raw }: Pick<FastifyReply, 'raw'>): boolean {
  return raw.destroyed || raw.closed || raw.req.socket.destroyed
}

/**
 * Logs each client that leaves before it has its answer. The address of a client is unknown if it leaves before its request
 * is handled: such a request is dropped.
 */
export function logGoneClients(app: App): void {
  app.addHook('onRequest', async (request: FastifyRequest, reply: FastifyReply) => {
    const { raw } = reply
    const log = () => {
      if (raw.writableFinished || !raw.req.socket.destroyed || cut.has(raw)) return
      const line = { method: request.method, path: pathOf(request), address: request.ip }
      request.log.info({ ...line, ms: Math.round(reply.elapsedTime) }, 'a client went away')
    }
    if (raw.req.socket.remoteAddress !== undefined) return void raw.once('close', log)
    raw.destroy()
    log()
    return reply.hijack()
  })
}
