import { request } from 'node:http'
import { connect } from 'node:net'
import { buffer } from 'node:stream/consumers'

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
export async function sendBytes(base: string, text: string): Promise<string> {
  const { hostname, port } = new URL(base)
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(Number(port), hostname, () => socket.write(text, 'latin1'))
    socket.setEncoding('latin1')
    socket.on('data', (chunk) => {
      answer += chunk
    })
    socket.on('error', (error: Error & { code?: string }) =>
      error.code === 'ECONNRESET' ? resolve(answer) : reject(error),
    )
    socket.on('close', () => resolve(answer))
  })
}
