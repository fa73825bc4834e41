import type { DeletionReply } from '../../panel/panel.ts'
import type { Database, Tx } from '../../store/connection/database.ts'
import type { Asked } from '../../store/connection/logical-clock.ts'
import type { Reason } from '../../store/connection/reason.ts'
import { transact } from '../../store/connection/transact.ts'
import type { DeletionOf, UserDeletion } from '../../store/deletions/deletion.ts'
import { finishDeletion, updateDeletion } from '../../store/deletions/deletions.ts'
import { markUnknown, type SingleDeletion } from '../../store/deletions/unsettled-deletions.ts'
import { endTenuresIn } from '../observing/observe-users.ts'
import { nameOf, neverKnown, notDeleted, notKnownYet, type Outcome } from './outcome.ts'
import type { DeletionDeps } from './request.ts'

/** Ends the user's tenure and its receipt: the panel does not have this user any more. */
export async function closeDeleted(db: Database, receipt: UserDeletion, gone: Asked): Promise<UserDeletion> {
  const { username, createdAt } = receipt
  return transact(db, async (tx) => {
    const user = { username, ...(createdAt !== null && { createdAt }) }
    await endTenuresIn(tx, gone, user, 'service')
    return finishDeletion(tx, receipt, { state: 'deleted' })
  })
}

/**
 * Puts on a receipt why the user or admin was not deleted, or that nobody knows yet.
 *
 * @param name the user's or the admin's.
 */
export async function closeUndeleted<Receipt extends SingleDeletion>(
  { db, graceMs }: Pick<DeletionDeps, 'db' | 'graceMs'>,
  receipt: Receipt,
  name: string,
  outcome: Exclude<Outcome, 'deleted'>,
  { verdict, error }: DeletionReply,
): Promise<DeletionOf<Receipt['kind']>> {
  const { code, message } = error ?? unanswered
  if (outcome === 'unknown') {
    const told = { code, message: notKnownYet(receipt, name, message) }
    return markUnknown(db, receipt, { graceMs, error: told })
  }
  if (verdict === 'unsent' && isPartOfBulk(receipt)) return reopen(db, receipt)
  return fail(db, receipt, { code, message: notDeleted(receipt, name, message) })
}

const unanswered: Reason = { code: 'panel_failed', message: 'The panel gave no answer.' }
const interrupted: Reason = { code: 'interrupted', message: 'the service was interrupted.' }

/** Why nobody knows what became of a deletion whose service was stopped. */
export function interruption(receipt: SingleDeletion): Reason {
  return {
    code: interrupted.code,
    message: notKnownYet(receipt, nameOf(receipt), interrupted.message),
  }
}

/**
 * Ends the receipt of a user or an admin that is still there although the panel had all the time to delete it. A user of a
 * bulk deletion that only this service's own end has interrupted waits for its turn once more.
 */
export async function endUndeleted<Receipt extends SingleDeletion>(
  db: Database | Tx,
  receipt: Receipt,
): Promise<DeletionOf<Receipt['kind']>> {
  const code = receipt.error?.code ?? unanswered.code
  const isInterrupted = code === interrupted.code
  if (isInterrupted && receipt.kind === 'user' && isPartOfBulk(receipt)) return reopen(db, receipt)
  const reason = isInterrupted
    ? interrupted.message
    : `the panel did not answer, and it was still there later (${code}).`
  return fail(db, receipt, { code, message: notDeleted(receipt, nameOf(receipt), reason) })
}

/**
 * Ends the receipt of a user of which nobody can tell whether it was deleted, since a later deletion takes its name: the panel
 * has a user of this name that cannot be read. Once the user is found to be gone, the receipt says so.
 */
export async function endUntold(db: Database | Tx, receipt: UserDeletion): Promise<UserDeletion> {
  const reason = 'the panel has a user of this name that cannot be read, and a later deletion of it has begun'
  return fail(db, receipt, {
    code: 'user_unreadable',
    message: neverKnown(receipt, receipt.username, reason),
  })
}

async function fail<Receipt extends SingleDeletion>(
  db: Database | Tx,
  receipt: Receipt,
  error: Reason,
): Promise<DeletionOf<Receipt['kind']>> {
  const state = receipt.kind === 'admin' && isPartOfBulk(receipt) ? 'incomplete' : 'failed'
  return finishDeletion(db, receipt, { state, error })
}

/** A user of a bulk deletion, or an admin that is deleted with its users. */
function isPartOfBulk(receipt: SingleDeletion): boolean {
  return receipt.kind === 'user' ? receipt.parentId !== null : receipt.withUsers
}

/**
 * Nothing has been sent, or will be acted on: the bulk deletion comes back to this user. What is preserved stays preserved:
 * somebody who asked the panel before may find the user gone, and end the receipt.
 */
async function reopen<Receipt extends SingleDeletion>(
  db: Database | Tx,
  receipt: Receipt,
): Promise<DeletionOf<Receipt['kind']>> {
  return updateDeletion(db, receipt, {
    state: 'requested',
    worker: null,
    error_code: null,
    error: null,
  })
}
