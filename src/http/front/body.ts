import type { Readable } from 'node:stream'
import { pipeline, Transform } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { FastifyRequest } from 'fastify'
import { LedgerError } from '../../errors.ts'

/** Bytes. The largest that the panel is sent are the configurations of its core. */
const largest = 10 * 1024 * 1024

/** Lets no more of a body through than is taken, whatever its length is said to be. */
export function limitBody(request: FastifyRequest, payload: Readable): Readable {
  if (Number(request.headers['content-length'] ?? 0) > largest) throw tooLarge()
  let seen = 0
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      seen += chunk.length
      done(seen > largest ? tooLarge() : null, chunk)
    },
  })
  payload.once('error', () => {
    counted.destroy(new LedgerError('invalid_request', 'The upload broke off before its end.'))
  })
  // Whoever reads the body meets the error.
  pipeline(payload, counted, () => {})
  return counted
}

/** The whole body of a request; null: it has none. */
export async function readBody({ body }: FastifyRequest): Promise<Buffer | null> {
  return body === undefined || body === null ? null : buffer(body as Readable)
}

function tooLarge(): LedgerError {
  return new LedgerError('too_large', `The body is larger than ${largest / 1024 / 1024} MiB.`)
}
