import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { expect } from 'vitest'
import { compileCache } from './compile-cache.ts'
import { keepOutput } from './leaks.ts'
import type { PanelAddress } from './spawn-service.ts'

const main = path.join(import.meta.dirname, '../../src/main.ts')

/** Runs the service in a directory until it ends by itself. */
export async function runService(
  environment: Record<string, string>,
  cwd = import.meta.dirname,
): Promise<{ code: unknown; output: string }> {
  const child = spawn(process.execPath, [main], {
    env: { LOG_LEVEL: 'trace', ...compileCache, ...environment },
    cwd,
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += String(chunk)
      keepOutput(String(chunk))
    })
  }
  const [code] = await once(child, 'close')
  return { code, output }
}

/** Starts the service on a database that it refuses: it ends with 1 and shows no stack. Resolves with what it says. */
export async function refusedStart({ url, sudo }: PanelAddress, databaseUrl: string): Promise<string> {
  const { code, output } = await runService({
    MARZBAN_URL: url,
    MARZBAN_USERNAME: sudo.username,
    MARZBAN_PASSWORD: sudo.password,
    DATABASE_URL: databaseUrl,
    PORT: '0',
  })
  expect(code, output).toBe(1)
  expect(output).not.toMatch(/^\s+at /m)
  return output
}
