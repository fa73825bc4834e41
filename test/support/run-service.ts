import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { keepOutput } from './leaks.ts'

const main = path.join(import.meta.dirname, '../../src/main.ts')

/** Runs the service in a directory until it ends by itself. */
export async function runService(
  environment: Record<string, string>,
  cwd = import.meta.dirname,
): Promise<{ code: unknown; output: string }> {
  const child = spawn(process.execPath, [main], {
    env: { LOG_LEVEL: 'trace', ...environment },
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
