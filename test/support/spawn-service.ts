import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { compileCache } from './compile-cache.ts'
import { operatorKey } from './keys.ts'
import { keepOutput } from './leaks.ts'

const sources = path.join(import.meta.dirname, '../../src/main.ts')
const patienceMs = 60_000
/** Services that have not ended: none of them outlives who started it. */
const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** The real service, in a process of its own. */
export type ServiceProcess = {
  url: string
  child: ChildProcess
  /** All it has printed so far. */
  output: () => string
  /** One call with the operator's key. */
  call(method: string, target: string, body?: unknown): Promise<{ status: number; body: unknown }>
  /** Ends it with `signal` and resolves with its exit code; null when the signal ended it. */
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null>
}

/** Where the panel is, and who logs in there. */
export type PanelAddress = { url: string; sudo: { username: string; password: string } }

/**
 * Starts the service against `panel`, and resolves as soon as it listens.
 *
 * @param onOutput told what it prints.
 * @param main the program; left out: the sources.
 */
export async function spawnService(
  panel: PanelAddress,
  environment: Record<string, string>,
  onOutput: (text: string) => void = () => {},
  main = sources,
): Promise<ServiceProcess> {
  const child = spawn(process.execPath, [main], {
    env: {
      MARZBAN_URL: panel.url,
      MARZBAN_USERNAME: panel.sudo.username,
      MARZBAN_PASSWORD: panel.sudo.password,
      API_KEY: operatorKey,
      PORT: '0',
      ...compileCache,
      ...environment,
    },
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.add(child)
  child.on('exit', () => running.delete(child))
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk) => {
      output += String(chunk)
      keepOutput(String(chunk))
      onOutput(String(chunk))
    })
  }
  const exited = once(child, 'exit') as Promise<[number | null]>
  const deadline = performance.now() + patienceMs
  let address: string | undefined
  while (address === undefined) {
    if (child.exitCode !== null || performance.now() > deadline) {
      child.kill('SIGKILL')
      throw new Error(`the service did not start:\n${output}`)
    }
    await setTimeout(10)
    address = /ready on (http:\/\/[^"\s]+)/.exec(output)?.[1]
  }
  const url = address
  return {
    url,
    child,
    output: () => output,
    call: async (method, target, body) => {
      const answer = await fetch(url + target, {
        method,
        headers: {
          'x-api-key': operatorKey,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      const text = await answer.text()
      return { status: answer.status, body: text === '' ? null : (JSON.parse(text) as unknown) }
    },
    end: async (signal) => {
      child.kill(signal)
      const [code] = await exited
      return code
    },
  }
}
