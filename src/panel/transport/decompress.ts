import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate, inflateRaw, zstdDecompress } from 'node:zlib'

/** What the service asks for. */
export const acceptedEncodings = 'gzip, deflate, br'

type Headers = Record<string, string | string[] | undefined>
type Decode = (body: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>

const unpackZlib: Decode = promisify(inflate)
const unpackRaw: Decode = promisify(inflateRaw)
const unpackGzip: Decode = promisify(gunzip)

const decoders = new Map<string, Decode>([
  ['gzip', unpackGzip],
  ['x-gzip', unpackGzip],
  ['br', promisify(brotliDecompress)],
  ['zstd', promisify(zstdDecompress)],
  // Some servers leave the frame of zlib away, which begins with the number 8.
  ['deflate', (body, options) => ((body[0] ?? 0) % 16 === 8 ? unpackZlib : unpackRaw)(body, options)],
])

/** Servers compress once; more layers than this come from nobody. */
const mostLayers = 3

/** Whether the body of an answer with these headers is compressed. */
export function isCompressed(headers: Headers): boolean {
  return encodingsOf(headers).length > 0
}

/**
 * The body of an answer with these headers, decompressed.
 *
 * @param maxBytes the most bytes that it may have then.
 * @throws an error with the code `ERR_BUFFER_TOO_LARGE` when it has more, otherwise {@link undecodable}.
 */
export async function decompress(body: Buffer, headers: Headers, maxBytes: number): Promise<Buffer> {
  const encodings = encodingsOf(headers)
  if (encodings.length > mostLayers) throw withCode(undecodable)
  // An answer without a body may keep the header.
  if (body.length === 0) return body
  let plain = body
  for (const encoding of encodings.reverse()) {
    const decode = decoders.get(encoding)
    if (decode === undefined) throw withCode(undecodable)
    plain = await decode(plain, { maxOutputLength: maxBytes }).catch((error: unknown) => {
      const isTooLarge = error instanceof Error && 'code' in error && error.code === tooLarge
      throw withCode(isTooLarge ? tooLarge : undecodable)
    })
  }
  return plain
}

/** The code of the error for an unknown way to compress, or for bytes that are not what the header says. */
export const undecodable = 'ERR_CONTENT_ENCODING'
/** As Node calls it. */
const tooLarge = 'ERR_BUFFER_TOO_LARGE'

/** A new error: the text of a decoder's own is of no use to anybody. */
function withCode(code: string): Error {
  return Object.assign(new Error('The answer cannot be decompressed.'), { code })
}

/** In the order in which they were applied. */
function encodingsOf(headers: Headers): string[] {
  return [headers['content-encoding'] ?? '']
    .flat()
    .join(',')
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '' && name !== 'identity')
}
