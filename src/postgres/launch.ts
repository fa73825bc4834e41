import { type ChildProcess, spawn } from 'node:child_process'
import { type Cluster, dataPath } from './layout.ts'
import { lastLogLines, openServerLog } from './server-log.ts'
import { serverSettings } from './settings.ts'

/** A server process that was just started. It may still recover, or give up. */
export type Launched = {
  pid: number | undefined
  port: number
  /** Why it gave up: the last lines of its log. Undefined as long as it runs. */
  failure(): Promise<string | undefined>
}

/**
 * Starts the server in a session of its own, with a file for its messages: so neither Ctrl-C in the terminal nor the end of
 * the service ends it.
 *
 * @param options.strayPid a process that has the number in a dead server's lock file. PostgreSQL would take it for that
 *   server, so it gets a hint that it is not. The lock file itself is never removed here: another start may just have
 *   written a new one.
 */
export async function launch(
  cluster: Cluster,
  options: { port: number; strayPid: number | undefined; settings: Readonly<Record<string, string>> },
): Promise<Launched> {
  const { handle, start } = await openServerLog(cluster)
  const settings = Object.entries({ ...serverSettings, ...options.settings })
  const args = ['-D', dataPath(cluster.data, cluster.osAccount), '-p', String(options.port)]
  // Not the service's environment: it holds the panel's password.
  const env: NodeJS.ProcessEnv = { LC_ALL: 'C' }
  if (options.strayPid !== undefined) env.PG_GRANDPARENT_PID = String(options.strayPid)
  const child = spawn(
    cluster.binaries.postgres,
    [...args, ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    {
      ...cluster.osAccount,
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
      return hasEnded(child) ? lastLogLines(cluster, start) : undefined
    },
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}
