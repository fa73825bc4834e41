import { readFile, stat, unlink } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/** The first process of a running server; it started all others of that server. */
export type Postmaster = { pid: number; port: number }

export type Found =
  | { state: 'running'; postmaster: Postmaster }
  /** No server. `strayPid`: a live process that is not ours and has the number of a dead server. */
  | { state: 'none'; strayPid: number | undefined }

/**
 * A server fills its lock file as soon as it made it. A file that is not filled after this long was left by a crash, and so was
 * one from as far in the future: the clock was set back since.
 */
const unfinishedMs = 10_000

/**
 * Looks for the server of a data directory by the lock file that it keeps there.
 *
 * @param now milliseconds since 1970, as files are dated.
 */
export async function findPostmaster(data: string, now: () => number): Promise<Found> {
  const file = path.join(data, 'postmaster.pid')
  for (;;) {
    const text = await readFile(file, 'utf8').catch(nothingIfAbsent)
    if (text === undefined) return { state: 'none', strayPid: undefined }
    const postmaster = parse(text)
    if (postmaster !== undefined) {
      if (await isPostmaster(postmaster.pid, data)) return { state: 'running', postmaster }
      return { state: 'none', strayPid: isAlive(postmaster.pid) ? postmaster.pid : undefined }
    }
    const { mtimeMs } = await stat(file).catch(() => ({ mtimeMs: now() }))
    if (Math.abs(now() - mtimeMs) > unfinishedMs) await unlink(file).catch(nothingIfAbsent)
    else await delay(20)
  }
}

/** Whether `pid` is the server of this data directory at this moment. The system gives numbers of dead processes to others. */
export async function isPostmaster(pid: number, data: string): Promise<boolean> {
  if (!isAlive(pid)) return false
  // Elsewhere only the number is known: another process's number then leads to an error that names the lock file.
  if (process.platform !== 'linux') return true
  try {
    const [name, cwd, own] = await Promise.all([
      readFile(`/proc/${pid}/comm`, 'utf8'),
      stat(`/proc/${pid}/cwd`),
      stat(data),
    ])
    return name.trim() === 'postgres' && cwd.ino === own.ino && cwd.dev === own.dev
  } catch {
    // It has ended, or is a zombie, or runs as another user: PostgreSQL serves only directories of its own user.
    return false
  }
}

/**
 * Whether the server has been asked to end, and waits for its sessions to end first, as after SIGTERM: it takes no new ones.
 * It notes that in its lock file.
 */
export async function isEnding(pid: number, data: string): Promise<boolean> {
  const text = await readFile(path.join(data, 'postmaster.pid'), 'utf8').catch(() => '')
  const lines = text.split('\n')
  return Number(lines[0]) === pid && lines[7]?.trim() === 'stopping'
}

/**
 * Ends a server. First politely: it rolls open transactions back and writes everything. When that takes too long, at once;
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
  // A server in single-user mode writes it negative.
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
