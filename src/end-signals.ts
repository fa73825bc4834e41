import { setTimeout } from 'node:timers/promises'

/**
 * Milliseconds in which a second signal counts as the first one: at Ctrl-C the terminal signals this process and npm, and npm
 * passes the signal on.
 */
const sameSignalMs = 1_000
const checkParentEveryMs = 1_000

export type EndSignals = {
  /** Milliseconds; only differences matter. */
  now: () => number
  /** Whether this process ends with the one that started it, as it does under npm. */
  withParent: boolean
  /** Called once, with the reason: a signal, or `npm has ended`. */
  onEnd: (reason: string) => void
  /** Called when a second signal asks for the end: the process ends at once. */
  onSecond: () => void
}

/** Listens for signals, and for the end of npm, which end this process in good order. */
export function listenForEnd({ now, withParent, onEnd, onSecond }: EndSignals): void {
  let endedAt: number | null = null
  const end = (reason: string) => {
    if (endedAt === null) {
      endedAt = now()
      onEnd(reason)
    } else if (now() - endedAt > sameSignalMs) onSecond()
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, end)
  if (withParent) void parentHasEnded().then(() => end('npm has ended'))
}

/** Resolves when the process that started this one has ended: then this process has another parent. */
async function parentHasEnded(): Promise<void> {
  const parent = process.ppid
  while (process.ppid === parent) await setTimeout(checkParentEveryMs, undefined, { ref: false })
}
