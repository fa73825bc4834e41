/** Clients that load a service as the parent's message says, each over a connection of its own; the figures go back. */
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { Client } from 'undici'
import { type ClientsOptions, type ClientsResult, type Kind, kinds, type LoadAccount } from './clients.ts'

/** Milliseconds an answer may take. */
const patienceMs = 60_000
const bulkUsers = 10
const followMs = 500
/** What every tenth client does; the others read stats as the last poll left them. */
const tasks: Record<number, (client: Caller) => Promise<void>> = {
  0: (client) => readFreshStats(client),
  3: (client) => deleteUser(client),
  6: (client) => deleteUser(client),
  9: (client) => deleteUsers(client),
}

type Caller = {
  account: LoadAccount
  /** The status and body of an answer; null: the request was shed, or failed. */
  call(kind: Kind, method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<unknown>
}

process.on('disconnect', () => process.exit(1))
const [options] = (await once(process, 'message')) as [ClientsOptions]
const until = performance.now() + options.seconds * 1_000
const results = Object.fromEntries(
  kinds.map((kind) => [kind, { served: 0, shed: 0, errors: [] as string[], took: [] as number[] }]),
) as Record<Kind, { served: number; shed: number; errors: string[]; took: number[] }>
const deleted: string[] = []
let round = 0

function createCaller(connection: Client, index: number): Caller {
  const account = options.accounts[index % options.accounts.length]
  if (!account) throw new Error('there is no account')
  // Half of the clients are resellers, the other half the operator's.
  const credentials: Record<string, string> =
    Math.floor(index / 10) % 2 === 0
      ? { authorization: `Bearer ${account.token}` }
      : { 'x-api-key': options.apiKey }
  return {
    account,
    async call(kind, method, path, body) {
      const result = results[kind]
      const begun = performance.now()
      try {
        const answer = await connection.request({
          method,
          path,
          headers: body ? { ...credentials, 'content-type': 'application/json' } : credentials,
          body: body ? JSON.stringify(body) : null,
        })
        const text = await answer.body.text()
        result.took.push(performance.now() - begun)
        if (answer.statusCode < 300) {
          result.served += 1
          return JSON.parse(text)
        }
        const { code } = JSON.parse(text) as { code: string }
        const retryAfter = Number(answer.headers['retry-after'])
        if (answer.statusCode === 503 && code === 'overloaded' && retryAfter > 0) {
          result.shed += 1
          await setTimeout(Math.min(retryAfter * 1_000, Math.max(0, until - performance.now())))
        } else result.errors.push(`${answer.statusCode} ${text}`)
      } catch (error) {
        result.errors.push(String(error instanceof Error ? (error.cause ?? error) : error))
      }
      return null
    },
  }
}

async function readStats({ account, call }: Caller): Promise<void> {
  await call('stats', 'GET', `/admins/${account.id}/stats`)
}

async function readFreshStats({ account, call }: Caller): Promise<void> {
  round += 1
  await call('stats, max_age', 'GET', `/admins/${account.id}/stats?max_age=${[0, 1, 10][round % 3]}`)
}

async function deleteUser({ account, call }: Caller): Promise<void> {
  const username = account.users.pop()
  if (username === undefined) throw new Error(`${account.username} has no users left to delete`)
  const receipt = (await call('deletion', 'DELETE', `/users/${username}`)) as { state: string } | null
  if (receipt?.state === 'deleted') deleted.push(username)
}

async function deleteUsers({ account, call }: Caller): Promise<void> {
  const usernames = account.users.splice(-bulkUsers)
  const opened = (await call('bulk deletion', 'POST', '/deletions', { usernames })) as { id: number } | null
  if (opened === null) return
  while (performance.now() < until) {
    const report = (await call('progress', 'GET', `/deletions/${opened.id}`)) as { state: string } | null
    if (report?.state === 'deleted') {
      deleted.push(...usernames)
      return
    }
    await setTimeout(followMs)
  }
}

async function runClient(index: number): Promise<void> {
  const connection = new Client(options.url, {
    pipelining: 1,
    headersTimeout: patienceMs,
    bodyTimeout: patienceMs,
  })
  const caller = createCaller(connection, index)
  const task = tasks[index % 10] ?? readStats
  while (performance.now() < until) await task(caller)
  await connection.close()
}

await Promise.all(Array.from({ length: options.clients }, (_, index) => runClient(index)))

const figures = kinds.map((kind) => {
  const { served, shed, errors, took } = results[kind]
  took.sort((a, b) => a - b)
  const at = (share: number) => took[Math.floor(took.length * share)] ?? 0
  return [kind, { served, shed, errors, p50: at(0.5), p99: at(0.99) }]
})
const result: ClientsResult = { kinds: Object.fromEntries(figures), deleted }
process.send?.(result, () => process.exit())
