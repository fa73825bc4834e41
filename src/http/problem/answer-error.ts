import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { App } from '../app-type.ts'
import { isGone, noteCut } from '../server/gone-clients.ts'
import type { MethodsAt } from '../server/known-paths.ts'
import { parseTarget } from '../server/target.ts'
import { problem, problemOf } from './problem.ts'

const mediaType = 'application/problem+json'

/** Answers every failure of `app` as problem+json, and logs those that are the service's fault. */
export function handleErrors(app: App, methodsAt: MethodsAt): void {
  app.setErrorHandler(answerError)
  app.setNotFoundHandler((request, reply) => {
    // A path that another server could read differently is a bad request, not an unknown path.
    parseTarget(request.url)
    const { method } = request
    const [path = ''] = request.url.split('?', 1)
    const allowed = methodsAt(path).join(', ')
    reply.type(mediaType).header('cache-control', 'no-store')
    if (allowed === '') {
      return reply.code(404).send(problem(404, 'not_found', `There is no ${method} ${path} here; see /docs.`))
    }
    const detail = `There is no ${method} ${path} here, only ${allowed}; see /docs.`
    return reply
      .code(405)
      .header('allow', allowed)
      .send(problem(405, 'method_not_allowed', detail))
  })
}

/** Answers with the problem that the error is to the caller. */
export function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { problem: body, headers } = problemOf(error, request.id)
  // An error that a cache kept would outlive its cause.
  reply.header('cache-control', 'no-store')
  // A client that leaves has its own line.
  if (isGone(reply)) return reply.code(body.status).type(mediaType).send(body)
  if (body.status === 500) request.log.error({ err: error }, 'a request failed unexpectedly')
  else if (body.status > 500) request.log.warn({ err: error }, 'a request could not be served')
  return reply.code(body.status).headers(headers).type(mediaType).send(body)
}

const brokenRequests: Record<string, [number, string]> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request was not complete in time.'],
  HPE_HEADER_OVERFLOW: [431, "The request's headers are too large."],
}

/** Node keeps the current answer on its connection; Node's own handler of broken requests reads it there too. */
type Answering = { _httpMessage?: ServerResponse | null }

/** Answers bytes that Node could not read as HTTP, on the bare connection. It logs none of those bytes. */
export function answerBrokenRequest(
  this: Pick<App, 'log'>,
  error: Error & { code?: string },
  socket: Socket & Answering,
): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  const { _httpMessage: answer } = socket
  // A client that hangs up before the end of its request has its own line.
  if (!answer || error.code !== 'HPE_INVALID_EOF_STATE') {
    this.log.info({ code: error.code, address: socket.remoteAddress }, 'a broken request was refused')
    if (answer) noteCut(answer)
  }
  // Never write into a response that has started.
  if (socket.writable && !answer?.headersSent) {
    const [status, detail] = brokenRequests[error.code ?? ''] ?? [400, 'This is not an HTTP request.']
    const body = problem(status, 'invalid_request', detail)
    const text = JSON.stringify(body)
    socket.write(
      `HTTP/1.1 ${status} ${body.title}\r\nconnection: close\r\ncontent-type: ${mediaType}\r\n` +
        `content-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
    )
  }
  socket.destroy(error)
}
