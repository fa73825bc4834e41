import path from 'node:path'
import type { TestProject } from 'vitest/node'
import { compileCache } from './compile-cache.ts'
import { collectOutput, findLeaks, keepSecret } from './leaks.ts'
import { roomInMemory } from './room-in-memory.ts'
import { startTestServer } from './server.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The test run's server: the URL of a database on it, and the name of the migrated template. */
    postgres: { url: string; template: string }
    /** A directory for the whole run; what lies below it is removed at the end, with the databases it serves. */
    runDir: string
  }
}

/** The databases live as long as the run; nothing in them has to survive a power cut. */
export const hasty = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: '100',
}

/** Starts one server for the whole test run, with a migrated database that test files copy; returns its end. */
export default async function setup(project: Pick<TestProject, 'provide'>): Promise<() => Promise<void>> {
  // For the tests, and the processes that they start.
  Object.assign(process.env, compileCache)
  // Who says where temporary files go means these too.
  const memory = process.env.TMPDIR === undefined ? await roomInMemory() : undefined
  if (memory !== undefined) process.env.TMPDIR = memory
  const { url, template, runDir, stop, remove } = await startTestServer(hasty)
  const output = path.join(runDir, 'output')
  collectOutput(output)
  keepSecret(new URL(url).password)
  project.provide('postgres', { url, template })
  project.provide('runDir', runDir)
  return async () => {
    await stop()
    const leaks = findLeaks(output)
    await remove()
    if (leaks.length > 0) throw new Error(`secrets were printed or logged:\n${leaks.slice(0, 5).join('\n')}`)
  }
}
