import { LedgerError } from '../errors.ts'
import {
  type Account,
  type Etc,
  findAccount,
  isAssigned,
  makeAccount,
  ownName,
  system,
} from './own-account.ts'

/**
 * Whom PostgreSQL has to run as. It refuses to run as root, so a service run by root gives it an account of its own, made
 * when there is none: whatever else ran as the same account could read and change the cluster's files.
 *
 * @param owner who owns the cluster's data; undefined before there is a cluster. If that is nobody's number on this
 *   machine, as in a container made anew around old data, the account is made with it.
 * @returns undefined when PostgreSQL runs as the service itself does.
 */
export async function postgresAccount(
  owner: Account | undefined,
  etc: Etc = system,
): Promise<Account | undefined> {
  if (process.getuid === undefined) throw unsupported('The embedded PostgreSQL needs Linux or macOS')
  if (process.getuid() !== 0) return undefined
  // Only Linux lets a process work in a directory whose parents it may not enter; see `dataPath`.
  if (process.platform !== 'linux')
    throw unsupported('The embedded PostgreSQL does not run as root on this system')
  const wanted =
    owner && owner.uid > 0 && owner.gid > 0 && !(await isAssigned(etc, owner)) ? owner : undefined
  const account = (await findAccount(etc, ownName)) ?? (await makeAccount(etc, wanted))
  if (account === undefined) {
    throw unsupported(
      `PostgreSQL refuses to run as root, and the account ${ownName} for it could not be made. Make it ` +
        `(\`useradd --system --user-group ${ownName}\`)`,
    )
  }
  if (account.uid > 0 && account.gid > 0) return account
  throw unsupported(
    `PostgreSQL refuses to run as root, and the account ${ownName} has root's number or group`,
  )
}

function unsupported(reason: string): LedgerError {
  return new LedgerError(
    'config_invalid',
    `${reason}, run the service as a normal user, or set DATABASE_URL to a PostgreSQL server.`,
    { field: 'DATABASE_URL' },
  )
}
