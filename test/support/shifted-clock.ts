/**
 * Preloaded into the service: its clock is wrong by the milliseconds that stand in the file CLOCK_SHIFT, which may change at
 * any time. As on a real machine, what measures durations goes on undisturbed. And it does not outlive who started it.
 */
import { readFileSync } from 'node:fs'

const { Date: RealDate, ppid } = { Date, ppid: process.ppid }
let shiftMs = 0

function look(): void {
  const text = readFileSync(process.env.CLOCK_SHIFT ?? '', 'utf8')
  // Empty: being written.
  if (text !== '') shiftMs = Number(text)
  if (process.ppid !== ppid) process.kill(process.pid, 'SIGKILL')
}

look()
setInterval(look, 50).unref()
const now = () => RealDate.now() + shiftMs
globalThis.Date = new Proxy(RealDate, {
  construct: (target, args: unknown[], newTarget) =>
    Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
  get: (target, name) => (name === 'now' ? now : Reflect.get(target, name)),
})
