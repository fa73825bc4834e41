import { setTimeout } from 'node:timers/promises'

/** The panel works one part of the time for this service and three parts for others. */
const idleParts = 3

/**
 * Rests after an answer that took the panel `tookMs` milliseconds, so that scans keep it busy at most a quarter of the
 * time. Ends early when `signal` is aborted.
 */
export async function restAfterAnswer(tookMs: number, signal: AbortSignal): Promise<void> {
  await setTimeout(idleParts * tookMs, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error
  })
}
