import { isLedgerError, LedgerError } from '../../errors.ts'
import { findAccount } from '../../store/accounts/queries.ts'
import {
  addUsersOfAccount,
  type ChildCounts,
  cancelPendingChildren,
  countChildren,
  failUsers,
  isCancelRequested,
  listInterruptedChildren,
  listUnknownUsers,
  markCollected,
} from '../../store/deletions/bulk-deletions.ts'
import type { BulkDeletion } from '../../store/deletions/deletion.ts'
import { listOpenBulks, noteGoingOn, noteWaiting } from '../../store/deletions/deletion-places.ts'
import { beginDeletion, findDeletion, finishDeletion } from '../../store/deletions/deletions.ts'
import { scanAdmin } from '../observing/scan-admin.ts'
import type { AdminDeletionDeps } from './admin-deletion.ts'
import { bulkOutcome } from './bulk-outcome.ts'
import { deleteAdmin, finishIfDeleted } from './delete-admin.ts'
import { findAtPanel } from './find-at-panel.ts'
import { settleUserDeletion } from './settle.ts'

export type BulkDeletionDeps = AdminDeletionDeps & { now: () => number; signal: AbortSignal }

const pageSize = 1_000
/** How often to look for users that an admin has created while its users were being deleted. */
const roundsAtMost = 10

/** The bulk deletions that have not ended, each with its caller. */
export function openBulkDeletions({
  db,
}: Pick<BulkDeletionDeps, 'db'>): Promise<{ id: bigint; requestedBy: string }[]> {
  return listOpenBulks(db)
}

/**
 * Advances a bulk deletion as far as possible without deleting users: it gives each user a receipt, and ends the deletion
 * when all of them have ended. While the deletion waits, its receipt says why.
 *
 * @returns whether users wait for their turn. Call again when the last of them has ended.
 * @throws the panel's and the database's errors: call again later.
 */
export async function advanceBulkDeletion(work: BulkDeletionDeps, id: bigint): Promise<boolean> {
  const { db } = work
  const found = await findDeletion(db, id)
  if (!found || found.kind === 'user' || found.finishedAt) return false
  try {
    return await advance(work, await beginDeletion(db, found))
  } catch (error) {
    if (isLedgerError(error) && error.code !== 'database_unavailable')
      await noteWaiting(db, { bulkId: id, userId: null }, error, false)
    throw error
  }
}

async function advance(work: BulkDeletionDeps, begun: BulkDeletion): Promise<boolean> {
  const { db } = work
  let bulk: BulkDeletion = begun
  if (await finishIfDeleted(work, bulk)) return false
  for (;;) {
    if (await isCancelRequested(db, bulk.id)) return endCancelled(work, bulk)
    if (bulk.collectedAt === null) {
      await collect(work, bulk)
      bulk = await markCollected(db, bulk)
      await noteGoingOn(db, bulk.id)
      if (work.signal.aborted) return false
    }
    const counts = await countChildren(db, bulk.id)
    if (counts.requested || counts.preserved) return true
    refuseUnfinished(counts)
    if (bulk.kind !== 'admin' || counts.failed) {
      await finishDeletion(db, bulk, bulkOutcome(counts))
      return false
    }
    const ended = await deleteAdmin(work, bulk, bulk.rounds >= roundsAtMost)
    if (ended) return false
    bulk = { ...bulk, collectedAt: null }
  }
}

/** The outcome of some users is unknown: the deletion waits for them. */
function refuseUnfinished({ preserved = 0, unknown = 0 }: ChildCounts): void {
  const open = preserved + unknown
  if (open === 0) return
  throw new LedgerError(
    'conflict',
    `The outcome is not known yet for ${open} users; the rest waits for them.`,
    { retryAfter: 2 },
  )
}

/** Gives each of its users a receipt. A name that neither the ledger nor the panel knows ends as failed. */
async function collect(work: BulkDeletionDeps, bulk: BulkDeletion): Promise<void> {
  const { scope } = bulk
  if (scope.by === 'names') return failUnknown(work, bulk)
  const account = await findAccount(work.db, scope.adminId)
  if (!account || account.closedAt) return
  const scan = { ...work, rest: async () => {} }
  const due = { adminId: account.id, username: account.username, panelReading: null, usersTotal: null }
  await scanAdmin(scan, due)
  await addUsersOfAccount(work.db, bulk, scope)
}

async function failUnknown({ db, panel, signal }: BulkDeletionDeps, bulk: BulkDeletion): Promise<void> {
  let after = 0n
  for (;;) {
    signal.throwIfAborted()
    const page = await listUnknownUsers(db, bulk.id, { after, limit: pageSize })
    const names = page.map(({ username }) => username)
    const there = await findAtPanel(panel, names)
    const nobody = page.filter(({ username }) => !there.has(username)).map(({ id }) => id)
    const message = 'Neither the ledger nor the panel knows a user of this name.'
    if (nobody.length > 0) await failUsers(db, nobody, { code: 'unknown_user', message })
    after = page.at(-1)?.id ?? after
    if (page.length < pageSize) return
  }
}

/** Ends the receipts of a cancelled deletion. For users under way, it asks the panel first. */
async function endCancelled(work: BulkDeletionDeps, bulk: BulkDeletion): Promise<boolean> {
  const { db } = work
  for (const child of await listInterruptedChildren(db, bulk.id)) await settleUserDeletion(work, child)
  for (;;) {
    await cancelPendingChildren(db, bulk.id)
    const counts = await countChildren(db, bulk.id)
    refuseUnfinished(counts)
    // A user that was under way may have come back to wait for its turn.
    if (!counts.requested) break
  }
  await finishDeletion(db, bulk, { state: 'cancelled' })
  return false
}
