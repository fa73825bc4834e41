import { LedgerError } from '../errors.ts'
import { isSameCreation } from '../ledger/creation.ts'
import type { PanelClient, PanelUser } from '../panel/types.ts'
import type { Asked } from '../store/clock.ts'
import type { Database, Tx } from '../store/database.ts'
import {
  beginDeletion,
  type Deletion,
  finishDeletion,
  insertUserDeletion,
  lockUnderWay,
  updateDeletion,
} from '../store/deletions.ts'
import { transact } from '../store/transact.ts'
import type { WorkerSession } from '../store/worker-session.ts'
import { observeUsersIn } from './observe-users.ts'
import { untilAccepted } from './until-accepted.ts'

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
  /** Spares users that have another status by the time of their final reading; left out: none. */
  onlyStatuses?: readonly string[]
}

/** The rights with which the panel is asked: the caller's own where it has a token. */
export function asCaller(request: UserDeletionRequest): { token?: string } {
  return request.token === null ? {} : { token: request.token }
}

/**
 * Makes the final reading durable, together with the receipt; null: the panel does not have this user. Another user of
 * its name is another user.
 */
export async function preserve(
  work: DeleteUsers,
  request: UserDeletionRequest,
  receipt: Deletion | null,
): Promise<Deletion | null> {
  const { db, panel } = work
  return untilAccepted(db, `User ${request.username}`, async (asked, since) => {
    const user = await panel.user(request.username, asCaller(request))
    if (user === null || (receipt?.created_at && !isSameCreation(receipt.created_at, user.createdAt)))
      return null
    const worker = await work.worker.id()
    return transact(db, (tx) => storeFinalReading(tx, { request, receipt, asked, since, user, worker }))
  })
}

type FinalReading = {
  request: UserDeletionRequest
  receipt: Deletion | null
  asked: Asked
  /** Another reading that was asked for since then serves as well; undefined: none does. */
  since: Asked | undefined
  user: PanelUser
  worker: string
}

/** Stores the final reading together with the receipt; undefined when the reading was dropped and has to be taken again. */
async function storeFinalReading(tx: Tx, final: FinalReading): Promise<Deletion | undefined> {
  const { request, user, worker } = final
  const { accepted } = await observeUsersIn(tx, final.asked, [user], final.since)
  const reading = accepted.get(user.username)
  if (!reading) return undefined
  if (request.onlyAdminId !== null && reading.adminId !== request.onlyAdminId) {
    throw new LedgerError('forbidden', `User ${user.username} belongs to another admin.`)
  }
  if (request.onlyStatuses && !request.onlyStatuses.includes(reading.status)) {
    const wanted = request.onlyStatuses.join(' or ')
    throw new LedgerError(
      'not_found',
      `User ${user.username} is ${reading.status} by now; only who is ${wanted} was to be deleted.`,
    )
  }
  const opened = await takePlace(
    tx,
    { ...request, username: user.username, receiptId: final.receipt?.id ?? null },
    worker,
    reading.createdAt,
  )
  return updateDeletion(tx, opened.id, {
    state: 'preserved',
    username: user.username,
    created_at: reading.createdAt,
    admin_id: reading.adminId,
    final_reading: reading.lifetime,
    preserved_bytes: (opened.preserved_bytes ?? 0n) + reading.added,
    preserved_at: final.asked.at,
  })
}

/**
 * The receipt of this request, with this service at work on it. Somebody else who is alive and deletes the user already
 * is left to it.
 *
 * @param createdAt of the user that the panel has by that name; null: not read.
 */
async function takePlace(
  tx: Tx,
  request: UserDeletionRequest,
  worker: string,
  createdAt: string | null,
): Promise<Deletion> {
  const other = await lockUnderWay(tx, request.username)
  if (other && other.id !== request.receiptId) {
    if (other.alive) {
      throw new LedgerError(
        'conflict',
        `User ${request.username} is being deleted already: see /deletions/${other.id}.`,
        { retryAfter: 2 },
      )
    }
    await leaveAbandoned(tx, other, createdAt)
  }
  if (request.receiptId === null) return insertUserDeletion(tx, { ...request, worker })
  const begun = await beginDeletion(tx, request.receiptId, worker)
  if (begun.finished_at === null) return begun
  throw new LedgerError(
    'conflict',
    `The deletion of user ${request.username} has ended: see /deletions/${begun.id}.`,
  )
}

/** Makes room beside a receipt on which nobody works any more. */
async function leaveAbandoned(tx: Tx, other: Deletion, createdAt: string | null): Promise<void> {
  if (other.parent_id !== null || createdAt === null) {
    // What became of its user is found out later: by its bulk deletion, which comes back to it, or with all that was left
    // behind. Who reads nothing does not know.
    await updateDeletion(tx, other.id, { worker: null })
    return
  }
  // Another user of the name shows that the one of the receipt is gone.
  const isGone = other.created_at !== null && other.created_at !== createdAt
  const error = { code: 'interrupted', message: 'The service was stopped; a later request deletes the user.' }
  await finishDeletion(tx, other.id, isGone ? { state: 'deleted' } : { state: 'failed', error })
}

/** Opens the receipt without a final reading. */
export async function skipPreserving(work: DeleteUsers, request: UserDeletionRequest): Promise<Deletion> {
  const worker = await work.worker.id()
  return transact(work.db, (tx) => takePlace(tx, request, worker, null))
}
