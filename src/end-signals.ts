import { setTimeout } from 'node:timers/promises'

/**
 * Milliseconds within which a second signal is the first one again: at Ctrl-C the terminal signals this process and npm, and
 * npm hands the signal on.
 */
const sameSignalMs = 1_000
const lookForParentMs = 1_000

export type EndSignals = {
  /** Milliseconds; only differences matter. */
  now: () => number
  /** Whether this process ends with the one that started it, as it does under npm. */
  withParent: boolean
  /** Called once, with what asks for the end: a signal, or that npm is gone. */
  onEnd: (reason: string) => void
  /** Called when somebody asks for the end again: there is no patience left. */
  onSecond: () => void
}

/** Listens for what ends this process in good order. */
export function listenForEnd({ now, withParent, onEnd, onSecond }: EndSignals): void {
  let endedAt: number | null = null
  const end = (reason: string) => {
    if (endedAt === null) {
      endedAt = now()
      onEnd(reason)
    } else if (now() - endedAt > sameSignalMs) onSecond()
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, end)
  if (withParent) void parentIsGone().then(() => end('npm is gone'))
}

/** Resolves when the process that started this one has ended: somebody else's child it is from then on. */
async function parentIsGone(): Promise<void> {
  const parent = process.ppid
  while (process.ppid === parent) await setTimeout(lookForParentMs, undefined, { ref: false })
}
