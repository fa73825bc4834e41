import { mkdir, readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { LedgerError } from '../errors.ts'
import { type Binaries, runnableBinaries } from './binaries.ts'
import { createCluster } from './create-cluster.ts'
import type { Cluster } from './layout.ts'
import { osAccountForPostgres } from './os-account.ts'
import { nameOf, type OsAccount, ownAccountName, system } from './own-account.ts'
import { isHalfTakenOver, takeOver } from './take-over.ts'

/**
 * Opens the cluster below `dataDir`, and makes it when there is none. Refuses one that PostgreSQL could not serve.
 *
 * @param now milliseconds since 1970, as files are dated.
 */
export async function openCluster(dataDir: string, now: () => number): Promise<Cluster> {
  const home = path.join(path.resolve(dataDir), 'postgres')
  const data = path.join(home, 'data')
  try {
    await mkdir(path.dirname(home), { recursive: true, mode: 0o700 })
    const before = await ownerOf(data)
    const osAccount = await osAccountForPostgres(before)
    const binaries = await runnableBinaries(osAccount)
    if (before === undefined) await createCluster(home, osAccount, binaries)
    const password = (await readFile(path.join(home, 'password'), 'utf8')).trim()
    const cluster = { home, data, password, binaries }
    if (before && osAccount && (await mayTakeOver(home, before, osAccount))) {
      await takeOver(cluster, before, osAccount, now)
    }
    await checkOwner(data, osAccount)
    await checkVersion(data, binaries)
    return { ...cluster, osAccount }
  } catch (error) {
    throw isFileError(error) ? inaccessible(dataDir, error) : error
  }
}

/** Earlier versions of this service, when root ran them, ran PostgreSQL as these accounts. Other services use them too. */
const formerAccounts = ['nobody', 'postgres']

/** Whether our own account gets the data: from an account of earlier versions, or from a number that no account here has. */
async function mayTakeOver(home: string, owner: OsAccount, osAccount: OsAccount): Promise<boolean> {
  if (owner.uid === osAccount.uid) return isHalfTakenOver(home)
  if (owner.uid === 0) return false
  const name = await nameOf(system, owner.uid)
  return name === undefined || formerAccounts.includes(name)
}

async function checkOwner(data: string, osAccount: OsAccount | undefined): Promise<void> {
  const { uid, mode } = await stat(data)
  const expected = osAccount?.uid ?? process.getuid?.()
  if (uid === 0 || uid !== expected)
    throw unusable(
      data,
      `belongs to uid ${uid}, and PostgreSQL can't serve it as uid ${expected}`,
      uid === 0
        ? `Give it to ${osAccount ? ownAccountName : 'an unprivileged account'} with \`chown -R\`.`
        : `Run the service as the user that made it, or give it to ${osAccount ? ownAccountName : 'this one'} with \`chown -R\`.`,
    )
  if ((mode & 0o027) !== 0) throw unusable(data, 'is open to other users', `Run \`chmod 700 ${data}\`.`)
}

async function checkVersion(data: string, binaries: Binaries): Promise<void> {
  const version = (await readFile(path.join(data, 'PG_VERSION'), 'utf8').catch(() => '')).trim()
  if (version === binaries.major) return
  if (version === '')
    throw unusable(data, 'holds no database', `Move ${path.dirname(data)} away, or point DATA_DIR elsewhere.`)
  throw unusable(
    data,
    `was written by PostgreSQL ${version}, and this is PostgreSQL ${binaries.major}`,
    `Start the release that wrote it, save it with \`pg_dump\`, and load it into a new DATA_DIR; ` +
      `or serve it with your own PostgreSQL ${version} and set DATABASE_URL.`,
  )
}

async function ownerOf(file: string): Promise<OsAccount | undefined> {
  return stat(file).then(
    ({ uid, gid }) => ({ uid, gid }),
    (error: unknown) => {
      if (isFileError(error) && error.code === 'ENOENT') return undefined
      throw error
    },
  )
}

function isFileError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && !String(error.syscall).startsWith('spawn')
}

function inaccessible(dataDir: string, error: NodeJS.ErrnoException): LedgerError {
  return new LedgerError(
    'config_invalid',
    `DATA_DIR ${dataDir} can't be used (${error.code} at ${error.path ?? error.syscall}): let the service's user read and write it, ` +
      'or point DATA_DIR at another directory.',
    { field: 'DATA_DIR', cause: error },
  )
}

function unusable(data: string, what: string, remedy: string): LedgerError {
  return new LedgerError('config_invalid', `${data} ${what}. ${remedy}`, { field: 'DATA_DIR' })
}
