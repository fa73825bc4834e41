import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { stopPostmaster } from '../../src/postgres/postmaster.ts'

const prefix = 'marzban-ledger-test-run-'

/** The directory of one test run, below which all databases of its tests lie. */
export type RunDir = {
  path: string
  /** Ends every database below it and removes it. */
  remove(): Promise<void>
}

/**
 * Makes the run's directory. It is removed by a process of its own, which notices when this one is gone: a test runner
 * that is interrupted or killed has no time to do it, and the databases are made to outlive who started them.
 *
 * @param place where to make it, if not among the temporary files.
 */
export async function makeRunDir(place = os.tmpdir()): Promise<RunDir> {
  await removeAbandoned()
  const dir = await mkdtemp(path.join(place, `${prefix}${process.pid}-`))
  // PostgreSQL runs as another account when the tests run as root; the directories below say who may enter them.
  await chmod(dir, 0o711)
  const sweeper = spawn(process.execPath, [path.join(import.meta.dirname, 'sweeper.ts'), dir], {
    stdio: ['pipe', 'ignore', 'inherit'],
    detached: true,
  })
  return {
    path: dir,
    remove: async () => {
      sweeper.stdin.end()
      await once(sweeper, 'exit')
    },
  }
}

/** Ends every database below a run's directory and removes it. */
export async function removeRunDir(dir: string): Promise<void> {
  for (const name of await readdir(dir)) {
    const data = path.join(dir, name, 'postgres/data')
    const lock = await readFile(path.join(data, 'postmaster.pid'), 'utf8').catch(() => '')
    if (lock !== '') await stopPostmaster(Number.parseInt(lock, 10), data)
  }
  await rm(dir, { recursive: true, force: true, maxRetries: 10 })
}

/** Removes what is left of runs that were killed together with their sweeper. */
async function removeAbandoned(): Promise<void> {
  for (const name of await readdir(os.tmpdir())) {
    const pid = Number(name.slice(prefix.length).split('-')[0])
    // Another user's run can't be removed by this one, and is left to that user.
    if (name.startsWith(prefix) && !isAlive(pid))
      await removeRunDir(path.join(os.tmpdir(), name)).catch(() => undefined)
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
