import { mkdir, readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { LedgerError } from '../errors.ts'
import { type Binaries, runnableBinaries } from './binaries.ts'
import { createCluster } from './create-cluster.ts'
import type { Cluster } from './layout.ts'
import { postgresAccount } from './os-account.ts'
import { type Account, nameOf, ownName, system } from './own-account.ts'
import { isHalfTakenOver, takeOver } from './take-over.ts'

/** Opens the cluster below `dataDir`, making it when there is none. Refuses one that it could not serve. */
export async function openCluster(dataDir: string): Promise<Cluster> {
  const home = path.join(path.resolve(dataDir), 'postgres')
  const data = path.join(home, 'data')
  try {
    await mkdir(path.dirname(home), { recursive: true, mode: 0o700 })
    const before = await ownerOf(data)
    const account = await postgresAccount(before)
    const binaries = await runnableBinaries(account)
    if (before === undefined) await createCluster(home, account, binaries)
    const password = (await readFile(path.join(home, 'password'), 'utf8')).trim()
    const cluster = { home, data, password, binaries }
    if (before && account && (await mayTakeOver(home, before, account))) {
      await takeOver(cluster, before, account)
    }
    await checkOwner(data, account)
    await checkVersion(data, binaries)
    return { ...cluster, account }
  } catch (error) {
    throw isFileError(error) ? inaccessible(dataDir, error) : error
  }
}

/** Accounts that earlier versions lent to PostgreSQL when they were run by root; other services run as them too. */
const formerlyLent = ['nobody', 'postgres']

/** Whether data is given to our own account: from one that was lent to PostgreSQL, or of a number that is nobody's here. */
async function mayTakeOver(home: string, owner: Account, account: Account): Promise<boolean> {
  if (owner.uid === account.uid) return isHalfTakenOver(home)
  if (owner.uid === 0) return false
  const name = await nameOf(system, owner.uid)
  return name === undefined || formerlyLent.includes(name)
}

async function checkOwner(data: string, account: Account | undefined): Promise<void> {
  const { uid, mode } = await stat(data)
  const expected = account?.uid ?? process.getuid?.()
  if (uid === 0 || uid !== expected)
    throw unusable(
      data,
      `belongs to uid ${uid}, and PostgreSQL can't serve it as uid ${expected}`,
      uid === 0
        ? `Give it to ${account ? ownName : 'an unprivileged account'} with \`chown -R\`.`
        : `Run the service as the user that made it, or give it to ${account ? ownName : 'this one'} with \`chown -R\`.`,
    )
  if ((mode & 0o027) !== 0) throw unusable(data, 'is open to other users', `Run \`chmod 700 ${data}\`.`)
}

async function checkVersion(data: string, binaries: Binaries): Promise<void> {
  const version = (await readFile(path.join(data, 'PG_VERSION'), 'utf8').catch(() => '')).trim()
  if (version === binaries.major) return
  if (version === '') throw unusable(data, 'holds no database', 'Move it away, or point DATA_DIR elsewhere.')
  throw unusable(
    data,
    `was written by PostgreSQL ${version}, and this is PostgreSQL ${binaries.major}`,
    `Start the release that wrote it, save it with \`pg_dump\`, and load it into a new DATA_DIR; ` +
      `or serve it with your own PostgreSQL ${version} and set DATABASE_URL.`,
  )
}

async function ownerOf(file: string): Promise<Account | undefined> {
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
