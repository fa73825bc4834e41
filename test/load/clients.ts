import { fork } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'

/** Whose users a client reads and deletes, and how it says who it is. */
export type LoadAccount = { id: number; username: string; token: string; users: string[] }

export type ClientsOptions = {
  url: string
  apiKey: string
  clients: number
  seconds: number
  accounts: LoadAccount[]
}

/** The calls that clients make; `progress` follows a bulk deletion. */
export const kinds = ['stats', 'stats, max_age', 'deletion', 'bulk deletion', 'progress'] as const
export type Kind = (typeof kinds)[number]

/** What became of the requests of one kind; milliseconds until answers were complete. */
export type KindResult = { served: number; shed: number; p50: number; p99: number; errors: string[] }

export type ClientsResult = {
  kinds: Record<Kind, KindResult>
  /** Users of which a receipt says that they are deleted. */
  deleted: string[]
}

/** Loads the service from a process of its own, for some seconds. */
export async function runClients(options: ClientsOptions): Promise<ClientsResult> {
  const child = fork(path.join(import.meta.dirname, 'clients-process.ts'))
  child.send(options)
  const [[result]] = (await Promise.all([once(child, 'message'), once(child, 'exit')])) as [
    [ClientsResult],
    unknown,
  ]
  return result
}
