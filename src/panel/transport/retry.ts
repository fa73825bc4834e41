import { isLedgerError } from '../../errors.ts'
import type { PanelAnswer } from './transport.ts'

export type RetryPolicy = {
  sleep: (ms: number) => Promise<unknown>
  /** Uniform in [0, 1). */
  random: () => number
  /** Told before each pause what made it necessary: an error's code or a status. */
  onRetry: (reason: string, pauseMs: number) => void
  /** Whether the call's time is over or the client closed: nothing is repeated any more. */
  ended: () => boolean
}

const retries = 2
const firstPauseMs = 200

/** What a proxy answers while the panel behind it restarts. */
const passing = new Set([502, 503, 504])

/** What the panel answers while it deletes what it is about to list. That is over a moment later. */
const stumbled = 500

/**
 * Asks up to three times for an answer when there is no connection or a proxy finds no panel, with pauses that double
 * and are drawn anew each time ("full jitter"), so that many clients of a panel that comes back do not come in step; and at
 * once when the panel has stumbled.
 * Only for requests that change nothing. A timeout is not repeated: a panel that is too slow is not helped by more work.
 *
 * undici's RetryAgent is not used: it resumes an answer that broke off with a Range request, which Marzban does not know,
 * throws the last status away as an error of its own, and neither its pauses nor its jitter can be passed in.
 */
export async function askPatiently(
  ask: () => Promise<PanelAnswer>,
  policy: RetryPolicy,
): Promise<PanelAnswer> {
  for (let retry = 0; retry < retries; retry += 1) {
    let reason: string
    try {
      const answer = await ask()
      if (!passing.has(answer.status) && answer.status !== stumbled) return answer
      reason = String(answer.status)
    } catch (error) {
      if (!isLedgerError(error, 'panel_unreachable') || policy.ended()) throw error
      reason = error.code
    }
    const isOver = reason === String(stumbled)
    const pauseMs = isOver ? 0 : policy.random() * firstPauseMs * 2 ** retry
    policy.onRetry(reason, pauseMs)
    if (!isOver) await policy.sleep(pauseMs)
  }
  return ask()
}
