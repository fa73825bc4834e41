import { copyFile, open, readFile, stat, truncate } from 'node:fs/promises'
import path from 'node:path'
import type { Cluster } from './layout.ts'

const maxBytes = 4 * 1024 * 1024

/** The file that the server writes its own messages to. Not a pipe: the server outlives the service that started it. */
export function serverLogFile(cluster: Cluster): string {
  return path.join(cluster.home, 'server.log')
}

/** Moves a log grown past 4 MiB aside, over the one before it. The server, which only appends, is not disturbed. */
export async function boundServerLog(cluster: Cluster): Promise<void> {
  const file = serverLogFile(cluster)
  const found = await stat(file).catch(() => undefined)
  if (found === undefined || found.size <= maxBytes) return
  await copyFile(file, `${file}.1`)
  await truncate(file)
}

/** Opens the log for a server that is about to start; `start` is where its messages will begin. */
export async function openServerLog(cluster: Cluster) {
  await boundServerLog(cluster)
  const handle = await open(serverLogFile(cluster), 'a', 0o600)
  const { size: start } = await handle.stat()
  return { handle, start }
}

/** What the server wrote since `start`, its last few lines. */
export async function lastWords(cluster: Cluster, start: number): Promise<string> {
  const log = await readFile(serverLogFile(cluster)).catch(() => Buffer.alloc(0))
  return log.subarray(start).toString().trim().split('\n').slice(-5).join('\n')
}
