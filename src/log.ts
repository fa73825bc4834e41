import { type DestinationStream, type Logger, pino } from 'pino'

/** What identifies a caller must not end up in a log, wherever somebody logs a request. */
const secrets = ['authorization', '["x-api-key"]', 'cookie', '["set-cookie"]'].flatMap((header) => {
  const path = header.startsWith('[') ? header : `.${header}`
  return [`req.headers${path}`, `res.headers${path}`, `headers${path}`]
})

const serializers = {
  /** A library may log an address with a token in its query. */
  url: (url: unknown) => String(url).split('?', 1)[0],
  /** A parser's error carries the bytes that it stumbled over, which may be anybody's. */
  err: (error: Error) => {
    const { data: _data, ...rest } = pino.stdSerializers.err(error)
    return rest
  },
}

/**
 * The service's logger: one JSON object a line.
 *
 * @param level `trace`, `debug`, `info`, `warn`, `error`, `fatal` or `silent`. Answered requests are logged at `debug`.
 * @param destination standard output when left out.
 */
export function createLogger(level: string, destination?: DestinationStream): Logger {
  const options = { level, serializers, redact: { paths: secrets, censor: '[redacted]' } }
  return destination ? pino(options, destination) : pino(options)
}
