import { isLedgerError, LedgerError } from '../../errors.ts'
import type { DeletionReply, ForwardedAnswer } from '../../panel/panel.ts'
import type { SingleDeletion } from '../../store/deletions/unsettled-deletions.ts'
import { failureOf, unlearned } from '../deleting/delete-user.ts'
import type { Outcome } from '../deleting/outcome.ts'
import { type FrontRequest, type FrontWork, forward } from './front-request.ts'

/** What came of a caller's own request; `answer` is the panel's, or of whatever answered in its place. */
export type ForwardedReply = DeletionReply & { answer: ForwardedAnswer | null }

/** Sends the caller's request to delete a user or an admin, and judges what comes back. */
export async function forwardDeletion(
  work: FrontWork,
  request: FrontRequest,
  of: 'user' | 'admin',
): Promise<ForwardedReply> {
  try {
    const answer = await forward(work, request)
    const verdict = work.api.judgeDeletion(of, answer)
    return { verdict, answer, error: verdict === 'done' ? null : errorOf(answer) }
  } catch (error) {
    if (!isLedgerError(error)) throw error
    return { verdict: error.unsent ? 'unsent' : 'unclear', answer: null, error }
  }
}

function errorOf({ status }: ForwardedAnswer): LedgerError {
  if (status >= 500) return new LedgerError('panel_failed', `The panel failed (${status}).`)
  const isForeign = status < 400
  return isForeign
    ? new LedgerError('panel_bad_answer', `What answered the deletion is not Marzban (${status}).`)
    : new LedgerError('panel_bad_answer', `The panel refused the deletion (${status}).`)
}

/** A deletion that was sent, with or without what became of it. */
export type Forwarding =
  | { kind: 'sent'; outcome: Outcome; receipt: SingleDeletion; reply: ForwardedReply }
  | { kind: 'unlearned'; receipt: SingleDeletion; reply: ForwardedReply; cause: unknown }

/**
 * What the caller gets: the panel's own answer wherever there is one that is not untrue.
 *
 * @param what was deleted, as messages name it: `User ada`.
 * @throws what the receipt says.
 */
export function answerTo({ log, graceMs }: FrontWork, what: string, ending: Forwarding): ForwardedAnswer {
  const { receipt, reply } = ending
  const { answer, error } = reply
  if (ending.kind === 'unlearned') {
    log.error(
      { err: ending.cause, deletion: receipt.id },
      'the outcome of a deletion could not be learned yet',
    )
    if (answer && isWorthPassingOn(reply)) return answer
    throw unlearned(receipt, ending.cause)
  }
  if (ending.outcome === 'deleted') {
    if (answer && isWorthPassingOn(reply)) return answer
    const code = error?.code ?? 'panel_failed'
    throw new LedgerError(code, `${what} was deleted and its traffic is preserved, but: ${error?.message}`)
  }
  if (ending.outcome === 'refused' && answer) return answer
  throw failureOf(receipt, 'panel_failed', error, graceMs)
}

/** An error after the deletion is the panel's habit; a page in the place of a success is not the panel's. */
function isWorthPassingOn({ verdict, answer }: ForwardedReply): boolean {
  return verdict !== 'unclear' || (answer?.status ?? 0) >= 500
}
