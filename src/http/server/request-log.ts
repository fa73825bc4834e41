import { type FastifyBaseLogger, type FastifyReply, type FastifyRequest, LogController } from 'fastify'
import { isGone, noteCut } from './gone-clients.ts'
import { pathOf } from './path-for-log.ts'

/** A logger that can say which levels it writes, as pino can. */
type LevelledLogger = FastifyBaseLogger & { isLevelEnabled?(level: string): boolean }

/**
 * One line for every answer: failures of the service at `warn`, refusals at `info`, successes at `debug`, health checks
 * at `trace`. No header is logged, and of the URL only the path.
 */
export class RequestLog extends LogController {
  readonly #log: LevelledLogger

  constructor(log: LevelledLogger) {
    super()
    this.#log = log
  }

  override incomingRequest(): void {
    // The line about the answer says everything.
  }

  override requestCompleted(
    _error: Error | null | undefined,
    request: FastifyRequest,
    reply: FastifyReply,
  ): void {
    const level = levelOf(reply.statusCode, request.routeOptions.url)
    // Thousands of answers a second must cost nothing while their level is off.
    if (this.#log.isLevelEnabled?.(level) === false) return
    const line = {
      method: request.method,
      path: pathOf(request),
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime),
      address: request.ip,
      caller: request.caller?.name,
    }
    request.log[level](line, 'answered')
  }

  override streamError(error: NodeJS.ErrnoException, request: FastifyRequest, reply: FastifyReply): void {
    // A client that leaves has its own line.
    if (error.code === 'ERR_STREAM_PREMATURE_CLOSE' || isGone(reply)) return
    noteCut(reply.raw)
    const code = error.code ?? error.name
    request.log.warn({ code, path: pathOf(request) }, 'an answer was cut off')
  }
}

function levelOf(status: number, route: string | undefined): 'warn' | 'info' | 'debug' | 'trace' {
  if (status >= 500) return 'warn'
  if (status >= 400) return 'info'
  return route === '/healthz' || route === '/readyz' ? 'trace' : 'debug'
}
