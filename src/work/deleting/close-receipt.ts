import type { DeletionReply } from '../../panel/panel.ts'
import type { Database, Tx } from '../../store/connection/database.ts'
import { drawAsked } from '../../store/connection/logical-clock.ts'
import type { Reason } from '../../store/connection/reason.ts'
import { transact } from '../../store/connection/transact.ts'
import type { DeletionOf, UserDeletion } from '../../store/deletions/deletion.ts'
import {
  finishDeletion,
  finishUserDeletion,
  mustFindUserDeletion,
  updateDeletion,
} from '../../store/deletions/deletions.ts'
import { markUnknown, type SingleDeletion } from '../../store/deletions/unsettled-deletions.ts'
import { endTenuresIn } from '../observing/observe-users.ts'
import { nameOf, neverKnown, notDeleted, notKnownYet, type Outcome } from './outcome.ts'
import type { DeletionDeps } from './request.ts'

/** Ends the tenure and the receipt of a user that the panel no longer has. */
export async function closeDeleted(db: Database, receipt: UserDeletion): Promise<UserDeletion> {
  const { id, username, createdAt } = receipt
  const user = createdAt === null ? { username, asked: await drawAsked(db) } : { username, createdAt }
  const finished = await transact(db, async (tx) => {
    await endTenuresIn(tx, user, 'service')
    return finishUserDeletion(tx, id, { state: 'deleted' })
  })
  return finished.result() ?? (await mustFindUserDeletion(db, id))
}

/**
 * Writes on a receipt why the user or admin was not deleted, or that the outcome is not known yet.
 *
 * @param name the name of the user or admin.
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
    const reason = { code, message: notKnownYet(receipt, name, message) }
    return markUnknown(db, receipt, { graceMs, error: reason })
  }
  if (verdict === 'unsent' && isPartOfBulk(receipt)) return reopen(db, receipt)
  return failDeletion(db, receipt, { code, message: notDeleted(receipt, name, message) })
}

const unanswered: Reason = { code: 'panel_failed', message: 'The panel gave no answer.' }
const interrupted: Reason = { code: 'interrupted', message: 'the service was interrupted.' }

/** Why the outcome is unknown: the service that worked on it has stopped. */
export function interruption(receipt: SingleDeletion): Reason {
  return {
    code: interrupted.code,
    message: notKnownYet(receipt, nameOf(receipt), interrupted.message),
  }
}

/**
 * Ends the receipt of a user or admin that still exists although the panel had enough time to delete it. In a bulk deletion,
 * a user that only a stop of the service has interrupted waits for its turn again.
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
  return failDeletion(db, receipt, { code, message: notDeleted(receipt, nameOf(receipt), reason) })
}

/**
 * Ends a receipt whose outcome will stay unknown: the panel has a user of this name that cannot be read, and a later
 * deletion of the name begins. If the user is found to be gone later, the receipt says so.
 */
export async function endUnknowable(db: Database | Tx, receipt: UserDeletion): Promise<UserDeletion> {
  const reason = 'the panel has a user of this name that cannot be read, and a later deletion of it has begun'
  return failDeletion(db, receipt, {
    code: 'user_unreadable',
    message: neverKnown(receipt, receipt.username, reason),
  })
}

async function failDeletion<Receipt extends SingleDeletion>(
  db: Database | Tx,
  receipt: Receipt,
  error: Reason,
): Promise<DeletionOf<Receipt['kind']>> {
  const state = receipt.kind === 'admin' && isPartOfBulk(receipt) ? 'incomplete' : 'failed'
  return finishDeletion(db, receipt, { state, error })
}

/** Whether it is a user of a bulk deletion, or an admin that is deleted with its users: those have an `only_admin_id`. */
function isPartOfBulk(receipt: SingleDeletion): boolean {
  return receipt.kind === 'user' ? receipt.parentId !== null : receipt.withUsers
}

/**
 * Lets the bulk deletion come back to this user or admin, since no deletion of it is on its way. The final reading of a user
 * stays on the receipt: an earlier attempt can still find the user gone, and end the receipt. That of an admin is taken
 * again: while it is there, the deletion counts as sent.
 */
async function reopen<Receipt extends SingleDeletion>(
  db: Database | Tx,
  receipt: Receipt,
): Promise<DeletionOf<Receipt['kind']>> {
  return updateDeletion(db, receipt, {
    state: 'requested',
    worker: null,
    ...(receipt.kind === 'admin' && { preserved_at: null, final_reading: null }),
    error_code: null,
    error: null,
  })
}
