import { appendFileSync, globSync, mkdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { canary } from '../panel/secrets.ts'

/** Keeps what a service under test has printed, until the end of the run looks through it. */
export function keepOutput(runDir: string, text: string): void {
  const dir = path.join(runDir, 'output')
  mkdirSync(dir, { recursive: true })
  appendFileSync(path.join(dir, `${process.pid}.log`), text)
}

/**
 * The lines that services have printed in this run and that hold a secret.
 *
 * @param others secrets that do not hold the canary.
 */
export function findLeaks(runDir: string, others: readonly string[] = []): string[] {
  return globSync('output/*.log', { cwd: runDir }).flatMap((file) =>
    readFileSync(path.join(runDir, file), 'utf8')
      .split('\n')
      .filter((line) => [canary, ...others].some((secret) => line.includes(secret))),
  )
}
