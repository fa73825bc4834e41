import type { ServerResponse } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { App } from '../app-type.ts'
import { pathOf } from './path-for-log.ts'

/** Answers that this service cut off itself, and has logged. */
const cut = new WeakSet<ServerResponse>()

/** Says that the end of an answer, before it was complete, is this service's doing. */
export function noteCut(response: ServerResponse): void {
  cut.add(response)
}

/** Whether the client is no longer there to take an answer: what fails then is nobody's fault. */
export function isGone({ raw }: Pick<FastifyReply, 'raw'>): boolean {
  return raw.destroyed || raw.closed || raw.req.socket.destroyed
}

/**
 * One line for each client that goes away before it has its answer. Of one that is gone before its request is looked at,
 * not even the address is known: it is passed over.
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
