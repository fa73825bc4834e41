import { readFile } from 'node:fs/promises'
import { LedgerError } from '../../errors.ts'

/** The system account that PostgreSQL's processes run as. */
export type Account = { uid: number; gid: number }

/**
 * Whom PostgreSQL has to run as. It refuses to run as root, so a service run by root lends it an account that
 * exists already: the owner of the cluster if there is one, else `postgres`, else `nobody`.
 *
 * @param owner who owns the cluster's data; undefined before there is a cluster.
 * @returns undefined when PostgreSQL runs as the service itself does.
 */
export async function postgresAccount(owner: Account | undefined): Promise<Account | undefined> {
  if (process.getuid === undefined) throw unsupported('The embedded PostgreSQL needs Linux or macOS')
  if (process.getuid() !== 0) return undefined
  // Only Linux lets a process work in a directory whose parents it may not enter; see `dataPath`.
  if (process.platform !== 'linux')
    throw unsupported('The embedded PostgreSQL does not run as root on this system')
  return owner ?? lentAccount(await readFile('/etc/passwd', 'utf8'))
}

function lentAccount(passwd: string): Account {
  const accounts = new Map(
    passwd.split('\n').map((line) => {
      const [name, , uid, gid] = line.split(':')
      return [name, { uid: Number(uid), gid: Number(gid) }]
    }),
  )
  // initdb looks its own user up by number, so an arbitrary unused uid would not do.
  for (const name of ['postgres', 'nobody']) {
    const account = accounts.get(name)
    if (account !== undefined && account.uid > 0 && account.gid > 0) return account
  }
  throw unsupported(
    'PostgreSQL refuses to run as root, and there is no account `postgres` or `nobody` for it',
  )
}

function unsupported(reason: string): LedgerError {
  return new LedgerError(
    'config_invalid',
    `${reason}: run the service as a normal user or set DATABASE_URL to a PostgreSQL server.`,
    { field: 'DATABASE_URL' },
  )
}
