import { isLedgerError, type LedgerError } from '../../errors.ts'
import type { DeletionReply } from '../../panel/panel.ts'
import { drawAsked } from '../../store/connection/logical-clock.ts'
import type { UserDeletion } from '../../store/deletions/deletion.ts'
import { findUserDeletion, finishDeletion } from '../../store/deletions/deletions.ts'
import { listTenuresOf } from '../../store/tenures/tenures.ts'
import { observePage } from '../observing/observe-page.ts'
import { closeDeleted, closeUndeleted } from './close-receipt.ts'
import { openUnread, openWithReading } from './final-reading.ts'
import { type Outcome, outcomeByLook, outcomeOfVerdict, shownBy } from './outcome.ts'
import { asCaller, type DeletionDeps, type SendDeletion, type UserDeletionRequest } from './request.ts'
import { settleUserDeletion } from './settle.ts'

/** How far the deletion of one user has come. */
export type UserEnding<Reply extends DeletionReply> =
  /** The panel has got the request; `receipt` has the outcome. */
  | { kind: 'sent'; outcome: Outcome; receipt: UserDeletion; reply: Reply }
  /** The panel has got the request, but the outcome could not be stored. The service finds it out later. */
  | { kind: 'unrecorded'; receipt: UserDeletion; reply: Reply; cause: unknown }
  /** The panel does not have this user. */
  | { kind: 'absent' }
  /** Nothing was sent; `error` says why. */
  | { kind: 'declined'; error: LedgerError }
  /** An earlier attempt has ended it. */
  | { kind: 'ended'; receipt: UserDeletion }
  /** Nothing was sent: the panel can still carry out an earlier attempt. */
  | { kind: 'waiting'; receipt: UserDeletion }

/**
 * Deletes one user so that no byte is lost: it stores the final reading and the receipt before it sends the deletion to the
 * panel, and ends the receipt only with what the panel proves.
 *
 * @throws the errors of the panel and the database before the deletion is sent.
 */
export async function runUserDeletion<Reply extends DeletionReply>(
  deps: DeletionDeps,
  request: UserDeletionRequest,
  send: SendDeletion<UserDeletion, Reply>,
): Promise<UserEnding<Reply>> {
  const known = request.receiptId === null ? null : await findUserDeletion(deps.db, request.receiptId)
  if (known?.finishedAt) return { kind: 'ended', receipt: known }
  if (known && known.state !== 'requested') return resume(deps, known)

  const open = request.preserveTraffic ? openWithReading : openUnread
  const opening = await open(deps, request, known)
  if (opening.kind === 'absent' && known) await finishDeletion(deps.db, known, { state: 'gone' })
  if (opening.kind !== 'opened') return opening
  const { receipt } = opening

  const reply = await send(receipt)
  try {
    const outcome = outcomeOfVerdict(reply.verdict) ?? (await resolveOutcome(deps, request, receipt))
    const closed =
      outcome === 'deleted'
        ? await closeDeleted(deps.db, receipt)
        : await closeUndeleted(deps, receipt, receipt.username, outcome, reply)
    // In between, another reading may have found the user gone.
    return { kind: 'sent', outcome: closed.state === 'deleted' ? 'deleted' : outcome, receipt: closed, reply }
  } catch (cause) {
    return { kind: 'unrecorded', receipt, reply, cause }
  }
}

/** An earlier attempt may have reached the panel: nothing is sent again before its outcome is known. */
async function resume(
  deps: DeletionDeps,
  known: UserDeletion,
): Promise<{ kind: 'ended' | 'waiting'; receipt: UserDeletion }> {
  const receipt = await settleUserDeletion(deps, known)
  return { kind: receipt.finishedAt ? 'ended' : 'waiting', receipt }
}

/** Asks the panel, since its answer to the deletion proves nothing; on a connection that the failure has not broken. */
async function resolveOutcome(
  { db, panel }: DeletionDeps,
  request: UserDeletionRequest,
  receipt: UserDeletion,
): Promise<Outcome> {
  try {
    const asked = await drawAsked(db)
    const user = await panel.user(receipt.username, { ...asCaller(request), freshConnection: true })
    const known = await listTenuresOf(db, receipt.username)
    const outcome = outcomeByLook(shownBy(user, receipt.createdAt, known, asked), false)
    if (user) await observePage(db, asked, [user])
    return outcome
  } catch (error) {
    if (isLedgerError(error) && error.code !== 'database_unavailable') return 'unknown'
    throw error
  }
}
