import { isLedgerError, LedgerError } from '../../errors.ts'
import type { DeletionReply, ForwardedAnswer } from '../../panel/panel.ts'
import type { SingleDeletion } from '../../store/deletions/unsettled-deletions.ts'
import { failureOf, notRecorded } from '../deleting/delete-user.ts'
import { type Outcome, trafficFate } from '../deleting/outcome.ts'
import { type FrontRequest, type FrontWork, forward } from './front-request.ts'

/** The result of a caller's own request; `answer` comes from the panel, or from something in its place. */
export type ForwardedReply = DeletionReply & { answer: ForwardedAnswer | null }

/** Forwards the caller's request to delete a user or an admin, and judges the answer. */
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

/** A forwarded deletion, with or without its recorded outcome. */
export type Forwarding =
  | { kind: 'sent'; outcome: Outcome; receipt: SingleDeletion; reply: ForwardedReply }
  | { kind: 'unrecorded'; receipt: SingleDeletion; reply: ForwardedReply; cause: unknown }

/**
 * The caller's answer: the panel's own, if there is one and it is true.
 *
 * @param what the user or admin, as messages name it: `User ada`.
 * @throws the error that the receipt has.
 */
export function answerAfterDeletion(
  { log, graceMs }: FrontWork,
  what: string,
  ending: Forwarding,
): ForwardedAnswer {
  const { receipt, reply } = ending
  const { answer, error } = reply
  if (ending.kind === 'unrecorded') {
    log.error(
      { err: ending.cause, deletion: receipt.id },
      'the outcome of a deletion could not be recorded yet',
    )
    if (answer && isWorthPassingOn(reply)) return answer
    throw notRecorded(receipt, ending.cause)
  }
  if (ending.outcome === 'deleted') {
    if (answer && isWorthPassingOn(reply)) return answer
    const code = error?.code ?? 'panel_failed'
    const message = `${what} was deleted and its traffic ${trafficFate(receipt)}, but: ${error?.message}`
    throw new LedgerError(code, message)
  }
  if (ending.outcome === 'refused' && answer) return answer
  throw failureOf(receipt, 'panel_failed', error, graceMs)
}

/** The panel often answers an error after a deletion that it has done. A page in the place of a success is not its answer. */
function isWorthPassingOn({ verdict, answer }: ForwardedReply): boolean {
  return verdict !== 'unclear' || (answer?.status ?? 0) >= 500
}
