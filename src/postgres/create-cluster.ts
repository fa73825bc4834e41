import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { access, chown, mkdir, mkdtemp, open, readdir, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { LedgerError } from '../errors.ts'
import type { Binaries } from './binaries.ts'
import { dataPath, superuser } from './layout.ts'
import type { OsAccount } from './own-account.ts'

/**
 * Makes a cluster at `home`: beside it, and renames it at the end. So `home` is whole or missing, whenever the service is
 * killed; and two services that start at the same moment both use the cluster of the first.
 */
export async function createCluster(
  home: string,
  osAccount: OsAccount | undefined,
  binaries: Binaries,
): Promise<void> {
  const unfinished = await mkdtemp(unfinishedPrefix(home))
  try {
    await initialize(unfinished, osAccount, binaries)
    await rename(unfinished, home)
    await sync(path.dirname(home))
  } catch (error) {
    await discard(unfinished)
    if (await exists(path.join(home, 'data'))) return
    throw isInTheWay(error) ? dataIsGone(home, error) : error
  }
}

/** Whether `home` could not be made because it is there, and not empty. */
function isInTheWay(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error && (error.code === 'ENOTEMPTY' || error.code === 'EEXIST')
}

function dataIsGone(home: string, cause: Error): LedgerError {
  return new LedgerError(
    'config_invalid',
    `${home} is there, and the database in it, ${path.join(home, 'data')}, is not. Put it back; or, for a new database, move ${home} away.`,
    { field: 'DATA_DIR', cause },
  )
}

/** Removes what killed starts left. Only the service that holds the lease may call it. */
export async function removeUnfinished(home: string): Promise<void> {
  const parent = path.dirname(home)
  const prefix = path.basename(unfinishedPrefix(home))
  for (const name of await readdir(parent))
    if (name.startsWith(prefix)) await discard(path.join(parent, name))
}

/** An initdb whose service was killed may still write for a moment; the next start removes what it leaves. */
async function discard(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined)
}

function unfinishedPrefix(home: string): string {
  return `${home}.unfinished-`
}

async function initialize(
  folder: string,
  osAccount: OsAccount | undefined,
  binaries: Binaries,
): Promise<void> {
  const data = path.join(folder, 'data')
  await mkdir(data, { mode: 0o700 })
  const password = path.join(folder, 'password')
  await writePassword(password)
  if (osAccount !== undefined)
    for (const file of [data, password]) await chown(file, osAccount.uid, osAccount.gid)
  await initdb(data, password, osAccount, binaries)
  // From now on only the service reads it.
  if (osAccount !== undefined) await chown(password, 0, 0)
}

/** 256 random bits, in letters that a URL takes without escapes. */
async function writePassword(file: string): Promise<void> {
  const handle = await open(file, 'wx', 0o600)
  await handle.writeFile(`${randomBytes(32).toString('base64url')}\n`)
  await handle.sync()
  await handle.close()
}

async function initdb(
  data: string,
  password: string,
  osAccount: OsAccount | undefined,
  binaries: Binaries,
): Promise<void> {
  const settings = ['--encoding=UTF8', '--no-locale', '--data-checksums', '--auth=scram-sha-256']
  const names = [`--pgdata=${dataPath(data, osAccount)}`, `--username=${superuser}`, '--pwfile=/dev/stdin']
  // As an open file: the account that runs initdb perhaps cannot enter the folders above it.
  const stdin = await open(password, 'r')
  try {
    await run(binaries.initdb, [...settings, ...names, '--no-instructions'], stdin.fd, data, osAccount)
  } finally {
    await stdin.close()
  }
}

/** Runs initdb to its end. An error shows its last lines; they do not contain the password. */
async function run(
  program: string,
  args: string[],
  stdin: number,
  cwd: string,
  osAccount: OsAccount | undefined,
): Promise<void> {
  const env = { LC_ALL: 'C' }
  const child = spawn(program, args, {
    ...osAccount,
    cwd,
    env,
    stdio: [stdin, 'pipe', 'pipe'],
    timeout: 60_000,
  })
  let said = ''
  child.stdout?.on('data', (chunk: Buffer) => (said += chunk))
  child.stderr?.on('data', (chunk: Buffer) => (said += chunk))
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  if (code !== 0)
    throw new LedgerError(
      'config_invalid',
      `PostgreSQL could not make its database in DATA_DIR (initdb ended with ${code ?? signal}): ${said.trim().split('\n').slice(-3).join(' ')}`,
      { field: 'DATA_DIR' },
    )
}

async function sync(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  await handle.sync()
  await handle.close()
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  )
}
