import { isLedgerError, type LedgerError } from '../../errors.ts'
import type { DeletionReply } from '../../panel/panel.ts'
import { drawAsked } from '../../store/connection/logical-clock.ts'
import { transact } from '../../store/connection/transact.ts'
import { preserveAdmin } from '../../store/deletions/bulk-deletions.ts'
import type { AdminDeletion } from '../../store/deletions/deletion.ts'
import { insertAdminDeletion } from '../../store/deletions/deletions.ts'
import { mustReadAdmin, type ObservingDeps } from '../observing/observe-admins.ts'
import { claim } from './claim.ts'
import { closeDeletedAdmin } from './close-admin.ts'
import { closeUndeleted } from './close-receipt.ts'
import { type Outcome, outcomeOf } from './outcome.ts'
import type { DeletionDeps, SendDeletion } from './request.ts'

export type AdminDeletionDeps = DeletionDeps & ObservingDeps

export type AdminDeletionRequest = {
  adminId: bigint
  /** The admin's name, as the panel lists it. */
  username: string
  requestedBy: string
  /** The receipt of a bulk deletion that has deleted the admin's users; null: it gets one of its own. */
  receipt: AdminDeletion | null
}

/** How the deletion of one admin ended, as far as it did. */
export type AdminEnding<Reply extends DeletionReply> =
  /** The panel was asked; `receipt` says what became of it. */
  | { kind: 'sent'; outcome: Outcome; receipt: AdminDeletion; reply: Reply }
  /** The panel was asked, and the database does not take what became of it. It is found out later. */
  | { kind: 'unlearned'; receipt: AdminDeletion; reply: Reply; cause: unknown }
  /** Nothing was sent, for the reason given. */
  | { kind: 'declined'; error: LedgerError }

/**
 * Deletes one admin whose users have been read: its counter and the receipt are durable before the panel hears of the
 * deletion, and its account is closed only with what the panel proves.
 *
 * @throws the panel's and the database's errors that come before the panel hears of it.
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
    const outcome = outcomeOf(reply.verdict) ?? (await askOutcome(deps, request.username))
    const closed =
      outcome === 'deleted'
        ? await closeDeletedAdmin(deps.db, receipt, await drawAsked(deps.db))
        : await closeUndeleted(deps, receipt, request.username, outcome, reply)
    return { kind: 'sent', outcome: closed.state === 'deleted' ? 'deleted' : outcome, receipt: closed, reply }
  } catch (cause) {
    return { kind: 'unlearned', receipt, reply, cause }
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
    const error = await claim(tx, {
      target: { adminId },
      what: `Admin ${request.username}`,
      receiptId: known?.id ?? null,
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
 * The panel gave no answer that proves anything, and is asked. A lower counter proves nothing: it may have been set back.
 */
async function askOutcome({ panel }: AdminDeletionDeps, username: string): Promise<Outcome> {
  try {
    return (await panel.hasAdmin(username)) ? 'unknown' : 'deleted'
  } catch (error) {
    if (isLedgerError(error) && error.code !== 'database_unavailable') return 'unknown'
    throw error
  }
}
