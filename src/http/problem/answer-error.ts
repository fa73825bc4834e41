import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { errorCodes, type FastifyReply, type FastifyRequest } from 'fastify'
import type { App } from '../app-type.ts'
import { isGone, noteCut } from '../server/gone-clients.ts'
import type { MethodsAt } from '../server/known-paths.ts'
import { parseTarget } from '../server/target.ts'
import { problem, problemOf } from './problem.ts'

const mediaType = 'application/problem+json'

/** Answers every failure of `app` as problem+json, and logs those that are the service's fault. */
export function handleErrors(app: App, methodsAt: MethodsAt): void {
  const answerMissing = (request: FastifyRequest, reply: FastifyReply) => {
    // A path that another server could read differently is a bad request, not an unknown path.
    const fault = faultOfTarget(request.url)
    if (fault !== null) return answerError(fault, request, reply)
    const { method } = request
    const [path = ''] = request.url.split('?', 1)
    const allowed = methodsAt(path)
    reply.type(mediaType).header('cache-control', 'no-store')
    // The route of all files below a path takes the method, but has no such file.
    if (allowed.length === 0 || allowed.includes(method)) {
      return reply.code(404).send(problem(404, 'not_found', `There is no ${method} ${path} here; see /docs.`))
    }
    const detail = `There is no ${method} ${path} here, only ${allowed.join(', ')}; see /docs.`
    return reply
      .code(405)
      .header('allow', allowed.join(', '))
      .send(problem(405, 'method_not_allowed', detail))
  }
  app.setErrorHandler((error, request, reply) =>
    // What Fastify says of the content type does not help whoever has the wrong method or path.
    request.is404 && isMissingContent(error)
      ? answerMissing(request, reply)
      : answerError(error, request, reply),
  )
  app.setNotFoundHandler(answerMissing)
}

/** Fastify asks for a body with the method QUERY before it looks for the route. */
function isMissingContent(error: unknown): boolean {
  return (
    error instanceof errorCodes.FST_ERR_ROUTE_MISSING_CONTENT_TYPE ||
    error instanceof errorCodes.FST_ERR_ROUTE_MISSING_CONTENT
  )
}

/** Answers with the problem that the error is to the caller. */
export function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  // Fastify does not say why it cannot decode a path.
  const fault = error instanceof errorCodes.FST_ERR_BAD_URL ? faultOfTarget(request.url) : null
  const { problem: body, headers } = problemOf(fault ?? error, request.id)
  // An error that a cache kept would outlive its cause.
  reply.header('cache-control', 'no-store')
  // A client that leaves has its own line.
  if (isGone(reply)) return reply.code(body.status).type(mediaType).send(body)
  if (body.status === 500) request.log.error({ err: error }, 'a request failed unexpectedly')
  else if (body.status > 500) request.log.warn({ err: error }, 'a request could not be served')
  return reply.code(body.status).headers(headers).type(mediaType).send(body)
}

/** What is wrong with a target; null: nothing. */
function faultOfTarget(target: string): unknown {
  try {
    parseTarget(target)
    return null
  } catch (fault) {
    return fault
  }
}

const brokenRequests: Record<string, [number, string]> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request was not complete in time.'],
  HPE_HEADER_OVERFLOW: [431, "The request's path and headers are too large."],
  HPE_INVALID_URL: [400, 'The target holds characters that have to be percent-encoded.'],
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
