import { readFile } from 'node:fs/promises'
import { request } from 'node:http'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type StandInPanel, startPanel } from './start.ts'
import type { PanelState } from './state.ts'

type Recording = {
  request: {
    method: string
    path: string
    as: string | null
    form?: Record<string, string>
    json?: unknown
  }
  response: { status: number; headers: Record<string, string>; body: unknown }
}

/** What happened on the recorded panel between two calls, by file and the call it happened before. */
const meanwhile: Record<string, Record<number, (state: PanelState) => void>> = {
  '03-traffic-resets-ownership': {
    0: (state) => {
      state.accrue('ada_one', 1_000)
      state.accrue('ada_two', 500)
      state.accrue('ben_one', 77)
      state.accrue('root_one', 11)
    },
    5: (state) => state.accrue('ada_one', 40),
    13: (state) => state.accrue('ada_two', 5),
    17: (state) => state.accrue('ada_one', 3),
  },
  '04-deletions': {
    19: (state) => {
      state.accrue('ada_old', 9)
      const now = Math.floor(state.now() / 1000)
      Object.assign(state.mustFind('ada_old'), { status: 'expired', expire: now - 1_000 })
      Object.assign(state.mustFind('ada_older'), { status: 'limited', expire: now - 2_000 })
    },
  },
}

const files = ['01-auth-and-admins', '02-users', '03-traffic-resets-ownership', '04-deletions']

describe.each(files)('recordings of %s', (file) => {
  test('are answered as the real panel answered', async () => {
    const recordings = await load(file)
    for (const [index, { request, response }] of recordings.entries()) {
      meanwhile[file]?.[index]?.(panel.state)
      const answer = await call(request)
      const name = `${file} #${index}: ${request.method} ${request.path} as ${request.as}`
      expect(answer.status, name).toBe(response.status)
      expect(answer.headers, name).toMatchObject(response.headers)
      expect(steady(answer.body), name).toEqual(steady(response.body))
      if (request.form && answer.status === 200) tokens[request.form.username ?? ''] = tokenOf(answer.body)
    }
  })
})

let panel: StandInPanel
/** The callers' tokens; the recordings call the environment's account sudo. */
const tokens: Record<string, string> = { garbage: 'garbage' }

beforeAll(async () => {
  panel = await startPanel({ sudo: { username: 'root', password: 'rootpass' } })
})
afterAll(() => panel.close())

async function load(file: string): Promise<Recording[]> {
  return JSON.parse(await readFile(path.join(import.meta.dirname, 'recordings', `${file}.json`), 'utf8'))
}

async function call({ method, path: target, as, form, json }: Recording['request']) {
  const headers: Record<string, string> = {}
  if (as) headers.authorization = `Bearer ${tokens[as === 'sudo' ? 'root' : as]}`
  if (json !== undefined) headers['content-type'] = 'application/json'
  const {
    status,
    headers: answered,
    body,
  } = await exchange(target, {
    method,
    headers: form ? { ...headers, 'content-type': 'application/x-www-form-urlencoded' } : headers,
    body: form ? new URLSearchParams(form).toString() : json === undefined ? '' : JSON.stringify(json),
  })
  const isJson = answered['content-type'] === 'application/json'
  const location = answered.location?.replace(panel.url, '')
  return {
    status,
    headers: { ...answered, ...(location ? { location } : {}) },
    body: isJson ? (JSON.parse(body) as unknown) : body,
  }
}

function tokenOf(body: unknown): string {
  return (body as { access_token: string }).access_token
}

/** The body with what is random or a time replaced by its kind. */
function steady(body: unknown): unknown {
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
  target: string,
  options: { method: string; headers: Record<string, string>; body: string },
): Promise<{ status: number; headers: Record<string, string | undefined>; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(
      panel.url,
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
