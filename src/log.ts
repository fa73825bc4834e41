import { type DestinationStream, type Logger, pino } from 'pino'

/** Headers that identify a caller: no log shows them. */
const secrets = ['authorization', '["x-api-key"]', 'cookie', '["set-cookie"]'].flatMap((header) => {
  const path = header.startsWith('[') ? header : `.${header}`
  return [`req.headers${path}`, `res.headers${path}`, `headers${path}`]
})

const serializers = {
  /** A library may log an address whose query holds a token. */
  url: (url: unknown) => String(url).split('?', 1)[0],
  /** A parser's error holds the bytes that it could not read; they may be a secret. */
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
