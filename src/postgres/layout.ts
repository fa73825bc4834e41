import type { Binaries } from './binaries.ts'
import type { OsAccount } from './own-account.ts'

export const superuser = 'marzban_ledger'
export const database = 'marzban_ledger'

/** PostgreSQL's files below the service's data directory, and what the service needs to serve them. */
export type Cluster = {
  /** `<dataDir>/postgres`: the data, the password and the server's log. */
  home: string
  data: string
  password: string
  osAccount: OsAccount | undefined
  binaries: Binaries
}

/** The URL of one of the cluster's databases, password included. */
export function urlOf(cluster: Pick<Cluster, 'password'>, port: number, name: string): string {
  return `postgres://${superuser}:${cluster.password}@127.0.0.1:${port}/${name}`
}

/**
 * The path of the data directory for PostgreSQL, which has to be started in it. When root runs the service, PostgreSQL's
 * account may not enter the folders above (root's home), yet PostgreSQL demands an absolute path. Linux keeps one to the
 * working directory of a process, and it needs no permission of the folders above.
 */
export function dataPath(data: string, osAccount: OsAccount | undefined): string {
  return osAccount === undefined ? data : '/proc/self/cwd'
}
