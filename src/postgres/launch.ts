import { type ChildProcess, spawn } from 'node:child_process'
import { type Cluster, dataPath } from './layout.ts'
import { lastWords, openServerLog } from './server-log.ts'
import { serverSettings } from './settings.ts'

/** A server process that was just started; it may still be recovering, or about to give up. */
export type Launched = {
  pid: number | undefined
  port: number
  /** Why it gave up: its last words. Undefined as long as it runs. */
  failure(): Promise<string | undefined>
}

/**
 * Starts the server in a session of its own, with its messages going to a file: neither the terminal's Ctrl-C nor the death
 * of the service reaches it.
 *
 * @param options.strayPid a process that bears the number in a dead server's lock file. PostgreSQL would take it for
 *   that server, and is told that it can't be. The lock file itself is never removed from here, since a start beside
 *   this one may just have written it anew.
 */
export async function launch(
  cluster: Cluster,
  options: { port: number; strayPid: number | undefined; settings: Readonly<Record<string, string>> },
): Promise<Launched> {
  const { handle, start } = await openServerLog(cluster)
  const settings = Object.entries({ ...serverSettings, ...options.settings })
  const args = ['-D', dataPath(cluster.data, cluster.account), '-p', String(options.port)]
  // Not the service's environment: it holds the panel's password.
  const env: NodeJS.ProcessEnv = { LC_ALL: 'C' }
  if (options.strayPid !== undefined) env.PG_GRANDPARENT_PID = String(options.strayPid)
  const child = spawn(
    cluster.binaries.postgres,
    [...args, ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    {
      ...cluster.account,
      cwd: cluster.data,
      env,
      detached: true,
      stdio: ['ignore', handle.fd, handle.fd],
    },
  )
  const unstartable = new Promise<string>((resolve) => child.once('error', (error) => resolve(error.message)))
  child.unref()
  await handle.close()
  return {
    pid: child.pid,
    port: options.port,
    failure: async () => {
      if (child.pid === undefined) return unstartable
      return hasEnded(child) ? lastWords(cluster, start) : undefined
    },
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}
