import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import path from 'node:path'
import { buildBundle } from '../../scripts/build.ts'
import { copyTemplate, startTestServer } from '../support/server.ts'
import { shippedEnvironment } from '../support/shipped-environment.ts'
import { spawnService } from '../support/spawn-service.ts'
import type { Bench, PanelProcess } from './line.ts'

/** Starts a PostgreSQL as the service runs it, and hands out what the parts of the benchmark need. */
export async function openPlace(
  options: Pick<Bench, 'quick' | 'say'>,
): Promise<Bench & { close: () => Promise<void> }> {
  // By itself a signal ends a process without a word to those that it has started.
  process.once('SIGTERM', () => process.exit(1))
  const server = await startTestServer()
  const children = new Set<ChildProcess>()
  const root = path.join(import.meta.dirname, '../..')
  // What stays outside of the bundle is found from here.
  const bundle = path.join(root, `node_modules/.cache/bench-${process.pid}`)
  let built: Promise<void> | undefined
  /** Starts a process of this folder, and waits for its address. */
  const run = async (file: string, argument: string) => {
    const child = fork(path.join(import.meta.dirname, file), [argument])
    children.add(child)
    const [address] = (await once(child, 'message')) as [unknown]
    return { address, close: () => end(child) }
  }
  return {
    ...options,
    database: async () => (await copyTemplate(server)).url,
    panel: async (panelOptions) => {
      const { address, close } = await run('panel-process.ts', JSON.stringify(panelOptions))
      return { ...(address as Omit<PanelProcess, 'close'>), close }
    },
    proxy: async (panel) => {
      const { address, close } = await run('proxy-process.ts', panel.url)
      return { url: address as string, close }
    },
    service: async (panel, environment) => {
      built ??= buildBundle(bundle)
      await built
      const shipped = { ...shippedEnvironment('start:built'), ...environment }
      return spawnService(panel, shipped, undefined, path.join(bundle, 'main.js'))
    },
    directory: async () => {
      const directory = await mkdtemp(path.join(server.runDir, 'bench-'))
      await chmod(directory, 0o711)
      return directory
    },
    close: async () => {
      for (const child of children) await end(child)
      await server.stop()
      await server.remove()
      await rm(bundle, { recursive: true, force: true })
    },
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.disconnect()
  await exited
}
