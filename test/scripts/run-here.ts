import { execFile } from 'node:child_process'
import path from 'node:path'
import { keepOutput } from '../support/leaks.ts'

export type Ended = { code: number; stdout: string; stderr: string }

/**
 * Runs a script of `scripts` in a directory without a `.env`, with nothing on its standard input.
 *
 * @param secrets what it may print.
 */
export function runHere(
  script: string,
  args: readonly string[],
  environment: Record<string, string>,
  secrets: RegExp = /$^/g,
): Promise<Ended> {
  const file = path.join(import.meta.dirname, '../../scripts', script)
  const env = { ...process.env, ...environment }
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [file, ...args],
      { env, cwd: import.meta.dirname },
      (error, stdout, stderr) => {
        keepOutput((stdout + stderr).replace(secrets, ''))
        resolve({ code: Number(error?.code ?? 0), stdout, stderr })
      },
    )
    child.stdin?.end()
  })
}
