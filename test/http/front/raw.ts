import { request } from 'node:http'
import { connect } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { setInterval } from 'node:timers/promises'

export type RawAnswer = {
  status: number
  headers: Record<string, string | string[] | undefined>
  body: string
}

/** Sends a request with its target exactly as it is written, over a connection of its own. */
export async function send(
  base: string,
  method: string,
  target: string,
  options: { headers?: Record<string, string | string[]>; body?: string | Buffer } = {},
): Promise<RawAnswer> {
  const { hostname, port } = new URL(base)
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, method, path: target, headers: options.headers, agent: false })
    sent.on('error', reject)
    sent.on('response', (response) => {
      buffer(response).then(
        (body) =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: body.toString() }),
        reject,
      )
    })
    sent.end(options.body)
  })
}

/** Sends bytes as they are, and resolves with everything that came back once the other end hangs up. */
export function sendBytes(base: string, text: string): Promise<string> {
  return sendPieces(base, [text])
}

/** As {@link sendBytes}, with the last of `pieces` sent again and again until the other end hangs up. */
export function drip(base: string, pieces: [first: string, again: string], everyMs: number): Promise<string> {
  return sendPieces(
    base,
    (async function* () {
      yield pieces[0]
      for await (const _ of setInterval(everyMs)) yield pieces[1]
    })(),
  )
}

/** As {@link sendBytes}, piece by piece. */
export async function sendPieces(
  base: string,
  pieces: Iterable<string> | AsyncIterable<string>,
): Promise<string> {
  const { hostname, port } = new URL(base)
  const socket = connect(Number(port), hostname)
  let answer = ''
  socket.setEncoding('latin1')
  socket.on('data', (chunk) => {
    answer += chunk
  })
  const closed = new Promise<void>((resolve, reject) => {
    socket.on('error', (error: Error & { code?: string }) => {
      if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error)
    })
    socket.on('close', () => resolve())
  })
  const sending = (async () => {
    for await (const piece of pieces) {
      if (socket.destroyed) return
      socket.write(piece, 'latin1')
    }
  })()
  await Promise.all([closed, sending])
  return answer
}
