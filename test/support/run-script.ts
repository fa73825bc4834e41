import { execFile } from 'node:child_process'
import { keepOutput } from './leaks.ts'

export type Ran = { code: number; stdout: string; stderr: string }

/** Runs a script of the project to its end, or until `signal` ends it, as when the test has taken too long. */
export function runScript(script: string, signal: AbortSignal, ...options: string[]): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(process.execPath, [script, ...options], { signal }, (error, stdout, stderr) => {
      keepOutput(stdout + stderr)
      resolve({ code: Number(error?.code ?? 0), stdout, stderr })
    })
  })
}
