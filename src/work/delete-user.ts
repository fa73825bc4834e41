import { type ErrorCode, isLedgerError, LedgerError } from '../errors.ts'
import type { PanelClient, PanelUser } from '../panel/types.ts'
import { type Asked, drawAsked } from '../store/clock.ts'
import type { Database, Tx } from '../store/database.ts'
import {
  beginDeletion,
  type Deletion,
  findDeletion,
  finishDeletion,
  insertUserDeletion,
  lockUnderWay,
  updateDeletion,
} from '../store/deletions.ts'
import { transact } from '../store/transact.ts'
import type { WorkerSession } from '../store/worker-session.ts'
import { DeletionFailed } from './deletion-failed.ts'
import { endTenuresIn, observeGone, observeUsers, observeUsersIn } from './observe-users.ts'

export type DeleteUsers = { db: Database; panel: PanelClient; worker: WorkerSession }

export type UserDeletionRequest = {
  username: string
  /** Name of the caller, for the audit trail. */
  requestedBy: string
  /** The caller's own token: the panel decides what it may do. Null: the configured sudo account acts. */
  token: string | null
  preserveTraffic: boolean
  /** The receipt opened for this user by a bulk deletion; null: it gets one of its own. */
  receiptId: bigint | null
  /** Refuses users of other accounts; null: the panel alone decides. */
  onlyAdminId: bigint | null
}

/** How often a user is read again because another observation overlapped the reading. */
const readingsAtMost = 5
/** How often the panel is told to delete a user that it says is still there. */
const deletionsAtMost = 3

/**
 * Deletes a user so that no byte is lost: the final reading and the receipt are durable before the panel hears of the
 * deletion; and what became of it is asked of the panel whenever its answer leaves a doubt.
 *
 * @returns the receipt of the user's deletion.
 * @throws `not_found` when the panel has no such user; `conflict` while another call deletes it; `forbidden`; the
 *   panel's errors when the user is still there or nobody can tell, with the receipt saying which.
 */
export async function deleteUser(work: DeleteUsers, request: UserDeletionRequest): Promise<Deletion> {
  try {
    return await preserveAndDelete(work, request)
  } catch (error) {
    throw request.token === null ? error : toCaller(request, error)
  }
}

/** What the panel refuses to the caller's own token is the caller's fault, not the panel's or ours. */
function toCaller(request: UserDeletionRequest, error: unknown): unknown {
  if (isLedgerError(error, 'panel_forbidden')) {
    return renamed(error, 'forbidden', `User ${request.username} belongs to another admin.`)
  }
  if (isLedgerError(error, 'panel_unauthorized')) {
    return renamed(error, 'unauthenticated', 'The panel does not know this token any more; log in again.')
  }
  return error
}

function renamed(error: LedgerError, code: ErrorCode, message: string): LedgerError {
  const options = { cause: error }
  return error instanceof DeletionFailed
    ? new DeletionFailed(error.deletionId, code, message, options)
    : new LedgerError(code, message, options)
}

async function preserveAndDelete(work: DeleteUsers, request: UserDeletionRequest): Promise<Deletion> {
  const known = request.receiptId === null ? null : await findDeletion(work.db, request.receiptId)
  if (known?.finished_at) return known
  let receipt = request.preserveTraffic
    ? await preserve(work, request, known)
    : await skipPreserving(work, request)
  if (receipt === null) {
    // An earlier attempt that was interrupted has deleted it.
    return known?.preserved_at ? finishDeleted(work, known) : refuseGone(work, request)
  }
  for (let attempt = 1; ; attempt += 1) {
    const failure = await removeFromPanel(work, request, receipt)
    if (failure === null) return finishDeleted(work, receipt)
    if (attempt === deletionsAtMost) return giveUp(work, receipt, failure)
    if (!request.preserveTraffic) continue
    // It is still there and goes on consuming: the reading taken for the last attempt is no longer its final one.
    const again = await preserve(work, request, receipt)
    if (again === null) return finishDeleted(work, receipt)
    receipt = again
  }
}

function asCaller(request: UserDeletionRequest): { token?: string } {
  return request.token === null ? {} : { token: request.token }
}

/**
 * Makes the final reading durable, together with the receipt; null: the panel does not have this user. Another user of
 * its name is another user.
 */
async function preserve(
  work: DeleteUsers,
  request: UserDeletionRequest,
  receipt: Deletion | null,
): Promise<Deletion | null> {
  const { db, panel } = work
  for (let reading = 1; reading <= readingsAtMost; reading += 1) {
    const asked = await drawAsked(db)
    const user = await panel.user(request.username, asCaller(request))
    if (user === null || (receipt?.created_at && receipt.created_at !== user.createdAt)) return null
    const worker = await work.worker.id()
    const stored = await transact(db, (tx) =>
      storeFinalReading(tx, { request, receipt, asked, user, worker }),
    )
    if (stored) return stored
  }
  throw new LedgerError(
    'observation_overlapped',
    `User ${request.username} is being read by others all the time; nothing was deleted. Try again.`,
    { retryAfter: 1 },
  )
}

type FinalReading = {
  request: UserDeletionRequest
  receipt: Deletion | null
  asked: Asked
  user: PanelUser
  worker: string
}

/** Stores the final reading together with the receipt; null when the reading was dropped and has to be taken again. */
async function storeFinalReading(tx: Tx, final: FinalReading): Promise<Deletion | null> {
  const { request, user, worker } = final
  const { accepted } = await observeUsersIn(tx, final.asked, [user])
  const reading = accepted.get(user.username)
  if (!reading) return null
  if (request.onlyAdminId !== null && reading.adminId !== request.onlyAdminId) {
    throw new LedgerError('forbidden', `User ${user.username} belongs to another admin.`)
  }
  const opened = await takePlace(
    tx,
    { ...request, username: user.username, receiptId: final.receipt?.id ?? null },
    worker,
  )
  return updateDeletion(tx, opened.id, {
    state: 'preserved',
    username: user.username,
    created_at: user.createdAt,
    admin_id: reading.adminId,
    final_reading: user.lifetimeUsedTraffic,
    preserved_bytes: (opened.preserved_bytes ?? 0n) + reading.added,
    preserved_at: final.asked.at,
  })
}

/**
 * The receipt of this request, with this service at work on it. Somebody else who is alive and deletes the user already
 * is left to it; an abandoned receipt is ended.
 */
async function takePlace(tx: Tx, request: UserDeletionRequest, worker: string): Promise<Deletion> {
  const other = await lockUnderWay(tx, request.username)
  if (other && other.id !== request.receiptId) {
    if (other.alive) {
      throw new LedgerError(
        'conflict',
        `User ${request.username} is being deleted already: see /deletions/${other.id}.`,
        { retryAfter: 2 },
      )
    }
    const error = {
      code: 'interrupted',
      message: 'The service was stopped; a later request deletes the user.',
    }
    await finishDeletion(tx, other.id, { state: 'failed', error })
  }
  if (request.receiptId === null) return insertUserDeletion(tx, { ...request, worker })
  const begun = await beginDeletion(tx, request.receiptId, worker)
  if (begun.finished_at === null) return begun
  throw new LedgerError(
    'conflict',
    `The deletion of user ${request.username} has ended: see /deletions/${begun.id}.`,
  )
}

async function skipPreserving(work: DeleteUsers, request: UserDeletionRequest): Promise<Deletion> {
  const worker = await work.worker.id()
  return transact(work.db, (tx) => takePlace(tx, request, worker))
}

/** The panel has no such user: whatever the ledger still held open of that name ends, and the caller hears 404. */
async function refuseGone(
  { db, panel }: DeleteUsers,
  request: UserDeletionRequest,
  receiptId = request.receiptId,
): Promise<never> {
  const asked = await drawAsked(db)
  if ((await panel.user(request.username, asCaller(request))) === null) {
    await observeGone(db, asked, request.username)
  }
  if (receiptId !== null) await finishDeletion(db, receiptId, { state: 'gone' })
  throw new LedgerError(
    'not_found',
    `The panel has no user ${request.username}; what it had consumed is kept.`,
  )
}

/** Sends the deletion. Null: the user is gone. Otherwise why it is still there. */
async function removeFromPanel(
  work: DeleteUsers,
  request: UserDeletionRequest,
  receipt: Deletion,
): Promise<LedgerError | null> {
  try {
    const existed = await work.panel.deleteUser(request.username, asCaller(request))
    if (existed || request.preserveTraffic) return null
    return await refuseGone(work, request, receipt.id)
  } catch (error) {
    if (!isLedgerError(error) || isLedgerError(error, 'not_found', 'database_unavailable')) throw error
    // Refused before anything happened: there is no doubt to be cleared up.
    if (isLedgerError(error, 'panel_forbidden', 'panel_unauthorized', 'invalid_request')) {
      return giveUp(work, receipt, error)
    }
    return (await isStillThere(work, request, receipt, error)) ? error : null
  }
}

/** After an error nobody knows whether the panel acted: it is asked, on a connection that the error has not broken. */
async function isStillThere(
  work: DeleteUsers,
  request: UserDeletionRequest,
  receipt: Deletion,
  error: LedgerError,
): Promise<boolean> {
  const { db, panel } = work
  try {
    const asked = await drawAsked(db)
    const user = await panel.user(request.username, { ...asCaller(request), freshConnection: true })
    // Another user of that name shows as well that this one is gone.
    if (!user || (receipt.created_at !== null && user.createdAt !== receipt.created_at)) return false
    await observeUsers(db, asked, [user])
    return true
  } catch (failure) {
    if (!isLedgerError(failure)) throw failure
    const message = `${preservedSentence(receipt)} Nobody knows yet whether user ${receipt.username} was deleted (${error.message}); receipt ${receipt.id} will tell.`
    await updateDeletion(db, receipt.id, { error_code: error.code, error: message, worker: null })
    throw new DeletionFailed(receipt.id, error.code, message, { retryAfter: 5, cause: failure })
  }
}

async function finishDeleted({ db }: DeleteUsers, receipt: Deletion): Promise<Deletion> {
  // Drawn after the panel's answer: whoever read the user before this tick read it before it was gone.
  const gone = await drawAsked(db)
  return transact(db, async (tx) => {
    const user = {
      username: receipt.username ?? '',
      ...(receipt.created_at === null ? {} : { createdAt: receipt.created_at }),
    }
    await endTenuresIn(tx, gone, user, 'service')
    return finishDeletion(tx, receipt.id, { state: 'deleted' })
  })
}

async function giveUp({ db }: DeleteUsers, receipt: Deletion, failure: LedgerError): Promise<never> {
  const message = `${preservedSentence(receipt)} User ${receipt.username} was not deleted: ${failure.message}`
  await finishDeletion(db, receipt.id, { state: 'failed', error: { code: failure.code, message } })
  throw new DeletionFailed(receipt.id, failure.code, message, { retryAfter: 5, cause: failure })
}

function preservedSentence(receipt: Deletion): string {
  return receipt.preserve_traffic ? 'Its traffic is preserved.' : 'Its traffic was not read, as asked.'
}
