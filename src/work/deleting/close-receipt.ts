import type { DeletionReply } from '../../panel/panel.ts'
import type { Database, Tx } from '../../store/connection/database.ts'
import type { Asked } from '../../store/connection/logical-clock.ts'
import { transact } from '../../store/connection/transact.ts'
import { type Deletion, finishDeletion, updateDeletion } from '../../store/deletions/deletions.ts'
import { markUnknown } from '../../store/deletions/unsettled-deletions.ts'
import { endTenuresIn } from '../observing/observe-users.ts'
import { neverKnown, notDeleted, notKnownYet, type Outcome } from './outcome.ts'
import type { DeletionDeps } from './request.ts'

type Reason = { code: string; message: string }

/** Ends the tenure and the receipt of a user that the panel no longer has. */
export async function closeDeleted(db: Database, receipt: Deletion, gone: Asked): Promise<Deletion> {
  const { username, created_at: createdAt } = receipt
  return transact(db, async (tx) => {
    const user = { username: username ?? '', ...(createdAt !== null && { createdAt }) }
    await endTenuresIn(tx, gone, user, 'service')
    return finishDeletion(tx, receipt.id, { state: 'deleted' })
  })
}

/**
 * Writes on a receipt why the user or admin was not deleted, or that the outcome is not known yet.
 *
 * @param name the name of the user or admin.
 */
export async function closeUndeleted(
  { db, graceMs }: Pick<DeletionDeps, 'db' | 'graceMs'>,
  receipt: Deletion,
  name: string,
  outcome: Exclude<Outcome, 'deleted'>,
  { verdict, error }: DeletionReply,
): Promise<Deletion> {
  const { code, message } = error ?? unanswered
  if (outcome === 'unknown') {
    const reason = { code, message: notKnownYet(receipt, name, message) }
    return markUnknown(db, receipt.id, { graceMs, error: reason })
  }
  if (verdict === 'unsent' && isPartOfBulk(receipt)) return reopen(db, receipt)
  return failDeletion(db, receipt, { code, message: notDeleted(receipt, name, message) })
}

const unanswered: Reason = { code: 'panel_failed', message: 'The panel gave no answer.' }
const interrupted: Reason = { code: 'interrupted', message: 'the service was interrupted.' }

/** Why the outcome is unknown: the service that worked on it has stopped. */
export function interruption(receipt: Deletion): Reason {
  return {
    code: interrupted.code,
    message: notKnownYet(receipt, receipt.username ?? 'of this account', interrupted.message),
  }
}

/**
 * Ends the receipt of a user or admin that still exists although the panel had enough time to delete it. In a bulk deletion,
 * a user that only a stop of the service has interrupted waits for its turn again.
 */
export async function endUndeleted(db: Database | Tx, receipt: Deletion): Promise<Deletion> {
  const isInterrupted = receipt.error_code === interrupted.code
  if (isInterrupted && receipt.parent_id !== null) return reopen(db, receipt)
  const reason = isInterrupted
    ? interrupted.message
    : `the panel did not answer, and it was still there later (${receipt.error_code}).`
  const name = receipt.username ?? 'of this account'
  const code = receipt.error_code ?? unanswered.code
  return failDeletion(db, receipt, { code, message: notDeleted(receipt, name, reason) })
}

/**
 * Ends a receipt whose outcome will stay unknown: the panel has a user of this name that cannot be read, and a later
 * deletion of the name begins. If the user is found to be gone later, the receipt says so.
 */
export async function endUnknowable(db: Database | Tx, receipt: Deletion): Promise<Deletion> {
  const name = receipt.username ?? ''
  const reason = 'the panel has a user of this name that cannot be read, and a later deletion of it has begun'
  return failDeletion(db, receipt, { code: 'user_unreadable', message: neverKnown(receipt, name, reason) })
}

async function failDeletion(db: Database | Tx, receipt: Deletion, error: Reason): Promise<Deletion> {
  const state = receipt.kind === 'admin' && isPartOfBulk(receipt) ? 'incomplete' : 'failed'
  return finishDeletion(db, receipt.id, { state, error })
}

/** Whether it is a user of a bulk deletion, or an admin that is deleted with its users: those have an `only_admin_id`. */
function isPartOfBulk(receipt: Deletion): boolean {
  return receipt.kind === 'user' ? receipt.parent_id !== null : receipt.only_admin_id !== null
}

/**
 * Lets the bulk deletion come back to this user, since no deletion of it is on its way. The final reading stays on the
 * receipt: an earlier attempt can still find the user gone, and end the receipt.
 */
async function reopen(db: Database | Tx, receipt: Deletion): Promise<Deletion> {
  return updateDeletion(db, receipt.id, {
    state: 'requested',
    worker: null,
    error_code: null,
    error: null,
  })
}
