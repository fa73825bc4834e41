import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'

/** Bytes that a process has in memory now. */
export function residentBytes(pid: number): number {
  const status = `/proc/${pid}/status`
  if (existsSync(status)) {
    return 1_024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(status, 'utf8'))?.[1])
  }
  return 1_024 * Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' }))
}
