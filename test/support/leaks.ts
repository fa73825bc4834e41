import { appendFileSync, globSync, mkdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { canary } from '../stand-in/secrets.ts'

/** Names the directory to all processes of a test run; outside of one it is not set, and nothing is kept. */
const place = 'LEDGER_TEST_OUTPUT'

/** From now on, what this process and those that it starts have printed and logged is kept in `dir`. */
export function collectOutput(dir: string): void {
  mkdirSync(dir, { recursive: true })
  process.env[place] = dir
}

/** Keeps what was printed or logged, until the end of the run looks through it. */
export function keepOutput(text: string): void {
  keep('log', text)
}

/** Keeps a secret that does not hold the canary, to be looked for. */
export function keepSecret(secret: string): void {
  keep('secret', `${secret}\n`)
}

/** The lines of all that was kept in `dir` that hold a secret. */
export function findLeaks(dir: string): string[] {
  const lines = (kind: string) =>
    globSync(`*.${kind}`, { cwd: dir }).flatMap((file) =>
      readFileSync(path.join(dir, file), 'utf8').split('\n'),
    )
  const others = lines('secret').filter((secret) => secret !== '')
  return lines('log').filter((line) => holdsSecret(line, others))
}

/** Whether `text` holds a secret of a panel under test, as it is or in the base64 of a link, or one of `others`. */
export function holdsSecret(text: string, others: readonly string[] = []): boolean {
  return [...canaries, ...others].some((secret) => text.includes(secret))
}

const canaries = [canary, ...[0, 1, 2].map(inBase64)]

/** The letters that the canary becomes in base64 when so many bytes, or three more of them, stand before it. */
function inBase64(before: number): string {
  const bytes = Buffer.concat([Buffer.alloc(before), Buffer.from(canary)])
  const mixedWithBefore = Math.ceil((before * 8) / 6)
  return bytes.toString('base64url').slice(mixedWithBefore, Math.floor((bytes.length * 8) / 6))
}

function keep(kind: string, text: string): void {
  const dir = process.env[place]
  if (dir !== undefined) appendFileSync(path.join(dir, `${process.pid}.${kind}`), text)
}
