import type { IncomingMessage } from 'node:http'
import { LedgerError } from '../../errors.ts'
import type { Upload, UploadPool } from './upload-pool.ts'

/** The most bytes of any body. The panel's largest bodies are the configurations of its core. */
const largestBody = 10 * 1024 * 1024
/** The most bytes of a body that always finds a place: a login, a user. */
export const smallBody = 64 * 1024

/** The pools for a body. Small bodies have their own, so that none of them waits for a large one. */
export type Pools = {
  small: UploadPool
  /** For bodies above {@link smallBody}; called once the size is known. */
  large: () => Promise<{ pool: UploadPool; client: string }>
}

/** A received body; it is kept until `sent` is called. */
export type Received = { body: Buffer | null; sent: () => void }

/** Whether a request has a body, according to its headers. */
export function announcesBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

/**
 * Receives the whole body of a request first, so that no slow upload holds a connection to the panel.
 *
 * @param client unfinished uploads of one client count together.
 * @param most the most bytes that the call can use.
 * @throws `too_large`; `overloaded` when the body must make room for others; `invalid_request` when the client breaks it off.
 */
export async function receiveBody(
  request: IncomingMessage,
  { client, pools, most = largestBody }: { client: string; pools: Pools; most?: number },
): Promise<Received> {
  if (!announcesBody(request)) return { body: null, sent: () => {} }
  const announced = Number(request.headers['content-length'] ?? 0)
  if (announced > most) throw tooLarge(most)
  const body = new Body(request, { client, pools, most })
  try {
    await body.begin(announced > smallBody)
    return { body: await body.received, sent: () => body.leave() }
  } catch (error) {
    body.leave()
    throw error
  }
}

/** A body that is coming in. */
class Body {
  readonly received: Promise<Buffer>
  readonly #request: IncomingMessage
  readonly #limits: Limits
  readonly #settled = Promise.withResolvers<Buffer>()
  readonly #chunks: Buffer[] = []
  #seen = 0
  #isSmall = true
  #isOver = false
  #upload: Upload | null = null

  constructor(request: IncomingMessage, limits: Limits) {
    this.#request = request
    this.#limits = limits
    this.received = this.#settled.promise.finally(() => this.#stopListening())
    this.received.catch(() => {})
  }

  /** Finds a place for the body, and starts to read it. */
  async begin(isLarge: boolean): Promise<void> {
    if (isLarge) await this.#growLarge()
    else this.#upload = this.#limits.pools.small.admit(this.#limits.client, this.#refuse)
    this.#request
      .on('data', this.#take)
      .on('end', this.#end)
      .on('error', this.#breakOff)
      .on('close', this.#breakOff)
    if (this.#request.destroyed && !this.#request.readableEnded) this.#breakOff()
  }

  leave(): void {
    this.#upload?.end()
  }

  async #growLarge(): Promise<void> {
    this.#isSmall = false
    this.#upload?.end()
    const { pool, client } = await this.#limits.pools.large()
    if (this.#isOver) return
    this.#upload = pool.admit(client, this.#refuse)
    this.#upload.add(this.#seen)
  }

  readonly #take = (chunk: Buffer): void => {
    this.#seen += chunk.length
    if (this.#seen > this.#limits.most) return void this.#refuse(tooLarge(this.#limits.most))
    this.#chunks.push(chunk)
    if (!this.#isSmall || this.#seen <= smallBody) return void this.#upload?.add(chunk.length)
    this.#request.pause()
    this.#growLarge().then(() => this.#request.resume(), this.#refuse)
  }

  readonly #end = (): void => {
    this.#upload?.complete()
    this.#settled.resolve(Buffer.concat(this.#chunks, this.#seen))
  }

  readonly #breakOff = (): void => {
    this.#refuse(new LedgerError('invalid_request', 'The upload broke off before its end.'))
  }

  readonly #refuse = (error: unknown): void => {
    this.#isOver = true
    this.#chunks.length = 0
    this.#settled.reject(error)
  }

  #stopListening(): void {
    const request = this.#request
    request
      .off('data', this.#take)
      .off('end', this.#end)
      .off('error', this.#breakOff)
      .off('close', this.#breakOff)
    // The rest is read and dropped: the client then reads its answer, and every error still has a listener.
    request.on('error', () => {}).resume()
  }
}

type Limits = { client: string; pools: Pools; most: number }

function tooLarge(most: number): LedgerError {
  const size = most >= 1024 * 1024 ? `${most / 1024 / 1024} MiB` : `${most / 1024} KiB`
  return new LedgerError('too_large', `The body is larger than ${size}.`)
}
