import type { Binaries } from './binaries.ts'
import type { Account } from './own-account.ts'

export const superuser = 'marzban_ledger'
export const database = 'marzban_ledger'

/** PostgreSQL's files below the service's data directory, and what is needed to serve them. */
export type Cluster = {
  /** `<dataDir>/postgres`: the data, the password and the server's log. */
  home: string
  data: string
  password: string
  account: Account | undefined
  binaries: Binaries
}

/** The URL of one of the cluster's databases, password included. */
export function urlOf(cluster: Cluster, port: number, name: string): string {
  return `postgres://${superuser}:${cluster.password}@127.0.0.1:${port}/${name}`
}

/**
 * How PostgreSQL is told its data directory; it has to be started in it. Lent another account by root, it may not enter
 * the folders above (root's home), and it insists on an absolute path: the link that Linux keeps to a process's working
 * directory is one, and following it asks no folder above for permission.
 */
export function dataPath(data: string, account: Account | undefined): string {
  return account === undefined ? data : '/proc/self/cwd'
}
