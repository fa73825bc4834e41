import { isLedgerError, type LedgerError } from '../../errors.ts'
import type { DeletionReply } from '../../panel/panel.ts'
import { drawAsked } from '../../store/connection/logical-clock.ts'
import { transact } from '../../store/connection/transact.ts'
import { preserveAdmin } from '../../store/deletions/bulk-deletions.ts'
import type { AdminDeletion } from '../../store/deletions/deletion.ts'
import { insertAdminDeletion } from '../../store/deletions/deletions.ts'
import { mustReadAdmin, type ObservingDeps } from '../observing/observe-admins.ts'
import { claimReceipt } from './claim.ts'
import { closeDeletedAdmin } from './close-admin.ts'
import { closeUndeleted } from './close-receipt.ts'
import { type Outcome, outcomeOfVerdict } from './outcome.ts'
import type { DeletionDeps, SendDeletion } from './request.ts'

export type AdminDeletionDeps = DeletionDeps & ObservingDeps

export type AdminDeletionRequest = {
  adminId: bigint
  /** The admin's name, as the panel lists it. */
  username: string
  requestedBy: string
  /** The receipt of a bulk deletion that has deleted the admin's users; null: the admin gets a receipt of its own. */
  receipt: AdminDeletion | null
}

/** How far the deletion of one admin has come. */
export type AdminEnding<Reply extends DeletionReply> =
  /** The panel has got the request; `receipt` has the outcome. */
  | { kind: 'sent'; outcome: Outcome; receipt: AdminDeletion; reply: Reply }
  /** The panel has got the request, but the outcome could not be stored. The service finds it out later. */
  | { kind: 'unrecorded'; receipt: AdminDeletion; reply: Reply; cause: unknown }
  /** Nothing was sent; `error` says why. */
  | { kind: 'declined'; error: LedgerError }

/**
 * Deletes one admin, after its users have been read. It stores the counter and the receipt before it sends the deletion to
 * the panel, and closes the account only when the panel proves the deletion.
 *
 * @throws the errors of the panel and the database before the deletion is sent.
 */
export async function runAdminDeletion<Reply extends DeletionReply>(
  deps: AdminDeletionDeps,
  request: AdminDeletionRequest,
  send: SendDeletion<AdminDeletion, Reply>,
): Promise<AdminEnding<Reply>> {
  const admin = await mustReadAdmin(deps, request.username)
  const opening = await openReceipt(deps, request, admin?.usersUsage ?? null)
  if (opening.kind !== 'opened') return opening
  const { receipt } = opening

  const reply = await send(receipt)
  try {
    const outcome = outcomeOfVerdict(reply.verdict) ?? (await resolveOutcome(deps, request.username))
    const closed =
      outcome === 'deleted'
        ? await closeDeletedAdmin(deps.db, receipt, await drawAsked(deps.db))
        : await closeUndeleted(deps, receipt, request.username, outcome, reply)
    return { kind: 'sent', outcome: closed.state === 'deleted' ? 'deleted' : outcome, receipt: closed, reply }
  } catch (cause) {
    return { kind: 'unrecorded', receipt, reply, cause }
  }
}

type Opening = { kind: 'opened'; receipt: AdminDeletion } | { kind: 'declined'; error: LedgerError }

async function openReceipt(
  { db, worker: session, graceMs }: AdminDeletionDeps,
  request: AdminDeletionRequest,
  finalReading: bigint | null,
): Promise<Opening> {
  const { adminId, requestedBy, receipt: known } = request
  const worker = await session.id()
  return transact(db, async (tx): Promise<Opening> => {
    const error = await claimReceipt(tx, {
      target: { adminId },
      what: `Admin ${request.username}`,
      createdAt: null,
      isSure: true,
      graceMs,
    })
    if (error) return { kind: 'declined', error }
    const receipt = known
      ? await preserveAdmin(tx, known.id, { finalReading, worker })
      : await insertAdminDeletion(tx, { adminId, requestedBy, worker, finalReading })
    return { kind: 'opened', receipt }
  })
}

/**
 * Asks the panel, since its answer to the deletion proves nothing. A lower counter proves nothing either: a reset lowers it
 * too.
 */
async function resolveOutcome({ panel }: AdminDeletionDeps, username: string): Promise<Outcome> {
  try {
    return (await panel.hasAdmin(username)) ? 'unknown' : 'deleted'
  } catch (error) {
    if (isLedgerError(error) && error.code !== 'database_unavailable') return 'unknown'
    throw error
  }
}
