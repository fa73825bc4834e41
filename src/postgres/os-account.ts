import { LedgerError } from '../errors.ts'
import {
  type Etc,
  findOsAccount,
  isAssigned,
  makeOsAccount,
  type OsAccount,
  ownAccountName,
  system,
} from './own-account.ts'

/**
 * The account that PostgreSQL has to run as. PostgreSQL refuses to run as root. When root runs the service, PostgreSQL gets an
 * account of its own, which is made when it is missing. Another program of that account could change the files of the cluster.
 *
 * @param owner of the cluster's data; undefined: there is no cluster yet. When no account of this machine has this number, as
 *   in a new container around old data, the account is made with it.
 * @returns undefined when PostgreSQL runs as the service itself does.
 */
export async function osAccountForPostgres(
  owner: OsAccount | undefined,
  etc: Etc = system,
): Promise<OsAccount | undefined> {
  if (process.getuid === undefined) throw unsupported('The embedded PostgreSQL needs Linux or macOS')
  if (process.getuid() !== 0) return undefined
  // Only Linux lets a process work in a directory whose parents it may not enter; see `dataPath`.
  if (process.platform !== 'linux')
    throw unsupported('The embedded PostgreSQL does not run as root on this system')
  const wanted =
    owner && owner.uid > 0 && owner.gid > 0 && !(await isAssigned(etc, owner)) ? owner : undefined
  const osAccount = (await findOsAccount(etc, ownAccountName)) ?? (await makeOsAccount(etc, wanted))
  if (osAccount === undefined) {
    throw unsupported(
      `PostgreSQL refuses to run as root, and the account ${ownAccountName} for it could not be made. Make it ` +
        `(\`useradd --system --user-group ${ownAccountName}\`)`,
    )
  }
  if (osAccount.uid > 0 && osAccount.gid > 0) return osAccount
  throw unsupported(
    `PostgreSQL refuses to run as root, and the account ${ownAccountName} has root's number or group`,
  )
}

function unsupported(reason: string): LedgerError {
  return new LedgerError(
    'config_invalid',
    `${reason}, run the service as a normal user, or set DATABASE_URL to a PostgreSQL server.`,
    { field: 'DATABASE_URL' },
  )
}
