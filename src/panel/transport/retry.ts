import { isLedgerError } from '../../errors.ts'
import type { PanelAnswer } from './transport.ts'

export type RetryPolicy = {
  sleep: (ms: number) => Promise<unknown>
  /** Uniform in [0, 1). */
  random: () => number
  /** Called before each pause, with its reason: an error's code or a status. */
  onRetry: (reason: string, pauseMs: number) => void
  /** Whether the call's time is over or the client is closed: then nothing is repeated. */
  ended: () => boolean
}

const retries = 2
const firstPauseMs = 200

/** A proxy answers these while the panel behind it restarts. */
const restarting = new Set([502, 503, 504])

/** The panel answers this while somebody deletes what it is about to list. A moment later it answers well. */
const momentary = 500

/**
 * Asks up to three times: at once after a 500, and after a pause when there is no connection or a proxy finds no panel. Each
 * pause is random, up to twice the bound of the one before ("full jitter"): so many clients do not ask a restarted panel at the
 * same moment. Only for requests that change nothing. A timeout is not repeated: more work does not help a slow panel.
 *
 * undici's RetryAgent is not used: it resumes an answer that broke off with a Range request, which Marzban does not know; it
 * replaces the last status by an error of its own; and its pauses and its jitter cannot be passed in.
 */
export async function askWithRetries(
  ask: () => Promise<PanelAnswer>,
  policy: RetryPolicy,
): Promise<PanelAnswer> {
  for (let retry = 0; retry < retries; retry += 1) {
    let reason: string
    try {
      const answer = await ask()
      if (!restarting.has(answer.status) && answer.status !== momentary) return answer
      reason = String(answer.status)
    } catch (error) {
      if (!isLedgerError(error, 'panel_unreachable') || policy.ended()) throw error
      reason = error.code
    }
    const isOver = reason === String(momentary)
    const pauseMs = isOver ? 0 : policy.random() * firstPauseMs * 2 ** retry
    policy.onRetry(reason, pauseMs)
    if (!isOver) await policy.sleep(pauseMs)
  }
  return ask()
}
