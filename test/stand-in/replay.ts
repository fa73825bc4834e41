import { readFile } from 'node:fs/promises'
import { request } from 'node:http'
import path from 'node:path'

/** An exchange with a real Marzban 0.8.4. */
export type Recording = {
  request: {
    method: string
    path: string
    as: string | null
    form?: Record<string, string>
    json?: unknown
  }
  response: { status: number; headers: Record<string, string>; body: unknown }
}

/** The exchanges of a file, in their order. */
export async function loadRecordings(file: string): Promise<Recording[]> {
  return JSON.parse(await readFile(path.join(import.meta.dirname, 'recordings', `${file}.json`), 'utf8'))
}

/**
 * Sends a recorded request to a stand-in.
 *
 * @param tokens the callers' tokens; the recordings call the environment's account sudo.
 */
export async function replay(
  url: string,
  tokens: Record<string, string>,
  { method, path: target, as, form, json }: Recording['request'],
) {
  const headers: Record<string, string> = {}
  if (as) headers.authorization = `Bearer ${tokens[as === 'sudo' ? 'root' : as]}`
  if (json !== undefined) headers['content-type'] = 'application/json'
  const {
    status,
    headers: answered,
    body,
  } = await exchange(url, target, {
    method,
    headers: form ? { ...headers, 'content-type': 'application/x-www-form-urlencoded' } : headers,
    body: form ? new URLSearchParams(form).toString() : json === undefined ? '' : JSON.stringify(json),
  })
  const isJson = answered['content-type'] === 'application/json'
  const location = answered.location?.replace(url, '')
  return {
    status,
    headers: { ...answered, ...(location ? { location } : {}) },
    body: isJson ? (JSON.parse(body) as unknown) : body,
  }
}

export function tokenOf(body: unknown): string {
  return (body as { access_token: string }).access_token
}

/** A body with what is random or a time replaced by its kind. */
export function steady(body: unknown): unknown {
  return JSON.parse(
    JSON.stringify(body, (key, value: unknown) => {
      if (['access_token', 'password', 'subscription_url', 'created_at'].includes(key)) return typeof value
      if (key === 'online_at') return value === null ? null : typeof value
      if (key === 'links') return (value as unknown[]).map(() => 'link')
      if (/^(mem|cpu|total_user|users_|incoming|outgoing|online_users)/.test(key) && key !== 'users_usage')
        return typeof value
      return value
    }),
  )
}

/** Sends the path as it stands: `fetch` would tidy dot segments. */
async function exchange(
  url: string,
  target: string,
  options: { method: string; headers: Record<string, string>; body: string },
): Promise<{ status: number; headers: Record<string, string | undefined>; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      { path: target, method: options.method, headers: options.headers, agent: false },
      (answer) => {
        const chunks: Buffer[] = []
        answer.on('data', (chunk: Buffer) => chunks.push(chunk))
        answer.on('end', () =>
          resolve({
            status: answer.statusCode ?? 0,
            headers: answer.headers as Record<string, string | undefined>,
            body: Buffer.concat(chunks).toString('utf8'),
          }),
        )
      },
    )
    sent.on('error', reject)
    sent.end(options.body)
  })
}
