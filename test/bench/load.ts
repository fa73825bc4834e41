import { fork } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'

export type Load = {
  /** Asked for by turns. */
  urls: readonly string[]
  headers?: Record<string, string>
  connections: number
  seconds: number
}

/** Requests a second, and milliseconds until answers were complete. */
export type LoadResult = { rate: number; p50: number; p99: number }

/** Loads addresses of one server from a process of its own. Throws when an answer was not 200. */
export async function load(options: Load): Promise<LoadResult> {
  const child = fork(path.join(import.meta.dirname, 'load-process.ts'), [JSON.stringify(options)])
  const [[result]] = (await Promise.all([once(child, 'message'), once(child, 'exit')])) as [
    [LoadResult & { failed: number }],
    unknown,
  ]
  if (result.failed > 0) throw new Error(`${result.failed} answers of ${options.urls[0]} were not 200`)
  return result
}
