import { readFile, stat, unlink } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/** A running server's first process, which owns all others. */
export type Postmaster = { pid: number; port: number }

export type Found =
  | { state: 'running'; postmaster: Postmaster }
  /** No server; `strayPid` is a live process that has nothing to do with us and has the number of a dead server. */
  | { state: 'none'; strayPid: number | undefined }

/** A lock file is written at once after it is made; one still without its lines after this long was left by a crash. */
const unfinishedMs = 10_000

/** Looks for the server of a data directory by the lock file that it keeps there. */
export async function findPostmaster(data: string): Promise<Found> {
  const file = path.join(data, 'postmaster.pid')
  for (;;) {
    const text = await readFile(file, 'utf8').catch(nothingIfAbsent)
    if (text === undefined) return { state: 'none', strayPid: undefined }
    const postmaster = parse(text)
    if (postmaster !== undefined) {
      if (await isPostmaster(postmaster.pid, data)) return { state: 'running', postmaster }
      return { state: 'none', strayPid: isAlive(postmaster.pid) ? postmaster.pid : undefined }
    }
    const { mtimeMs } = await stat(file).catch(() => ({ mtimeMs: Date.now() }))
    if (Date.now() - mtimeMs > unfinishedMs) await unlink(file).catch(nothingIfAbsent)
    else await delay(20)
  }
}

/** Whether `pid` is, now, the server of this data directory. Numbers of dead processes are given to others. */
export async function isPostmaster(pid: number, data: string): Promise<boolean> {
  if (!isAlive(pid)) return false
  // Elsewhere the number has to do: a stranger's number then leads to an error that names the lock file.
  if (process.platform !== 'linux') return true
  try {
    const [name, cwd, own] = await Promise.all([
      readFile(`/proc/${pid}/comm`, 'utf8'),
      stat(`/proc/${pid}/cwd`),
      stat(data),
    ])
    return name.trim() === 'postgres' && cwd.ino === own.ino && cwd.dev === own.dev
  } catch {
    // Gone meanwhile, a zombie, or another user's: PostgreSQL would not serve a directory that isn't its user's.
    return false
  }
}

/**
 * Ends a server: open transactions are rolled back and everything is written; when that takes too long, at once, and
 * the next start recovers.
 *
 * @returns whether it has ended.
 */
export async function stopPostmaster(pid: number, data: string): Promise<boolean> {
  for (const [signal, patienceMs] of [
    ['SIGINT', 10_000],
    ['SIGQUIT', 7_000],
  ] as const) {
    const deadline = performance.now() + patienceMs
    if (await isPostmaster(pid, data)) signalTo(pid, signal)
    while (performance.now() < deadline) {
      if (!(await isPostmaster(pid, data))) return true
      await delay(10)
    }
  }
  return false
}

function parse(text: string): Postmaster | undefined {
  const lines = text.split('\n')
  // Written negative by a server in single-user mode.
  const pid = Math.abs(Number(lines[0]))
  const port = Number(lines[3])
  const whole = lines.length > 4 && Number.isInteger(pid) && pid > 0 && Number.isInteger(port)
  return whole ? { pid, port } : undefined
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function signalTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It ended by itself.
  }
}

function nothingIfAbsent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}
