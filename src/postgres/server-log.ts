import { copyFile, open, readFile, stat, truncate } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Cluster } from './layout.ts'

const maxBytes = 4 * 1024 * 1024
const pauseMs = 60_000

/** The file for the server's own messages. Not a pipe: the server may outlive the service that started it. */
export function serverLogFile(cluster: Cluster): string {
  return path.join(cluster.home, 'server.log')
}

/** Moves a log of more than 4 MiB aside, over the one before it. The server only appends, so this does not disturb it. */
async function boundServerLog(cluster: Cluster): Promise<void> {
  const file = serverLogFile(cluster)
  const found = await stat(file).catch(() => undefined)
  if (found === undefined || found.size <= maxBytes) return
  await copyFile(file, `${file}.1`)
  await truncate(file)
}

/** Bounds the log once a minute, until `signal` aborts. A failure ends nothing: the next minute tries again. */
export async function keepServerLogBounded(cluster: Cluster, signal: AbortSignal): Promise<void> {
  const pause = () => delay(pauseMs, true, { signal, ref: false }).catch(() => false)
  while (await pause()) await boundServerLog(cluster).catch(() => undefined)
}

/** Opens the log for a server that will start next; its messages begin at `start`. */
export async function openServerLog(cluster: Cluster) {
  // On a full disk there is no place to move it to. The server can start all the same.
  await boundServerLog(cluster).catch(() => undefined)
  const handle = await open(serverLogFile(cluster), 'a', 0o600)
  const { size: start } = await handle.stat()
  return { handle, start }
}

/** The last few lines that the server wrote since `start`. */
export async function lastLogLines(cluster: Cluster, start: number): Promise<string> {
  const log = await readFile(serverLogFile(cluster)).catch(() => Buffer.alloc(0))
  return log.subarray(start).toString().trim().split('\n').slice(-5).join('\n')
}
