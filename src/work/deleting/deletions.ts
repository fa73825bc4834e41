import { LedgerError } from '../../errors.ts'
import { transact } from '../../store/connection/transact.ts'
import { countChildren, requestCancel, secondsSpent } from '../../store/deletions/bulk-deletions.ts'
import type { Deletion } from '../../store/deletions/deletion.ts'
import {
  type DeletionFilter,
  findVisibleDeletion,
  listDeletions,
  type Viewer,
} from '../../store/deletions/deletion-list.ts'
import { writeOutbox } from '../../store/outbox/outbox.ts'
import { auditName, type Caller } from '../callers/caller.ts'
import { may, requireRight } from '../callers/may.ts'
import { deleteUser } from './delete-user.ts'
import type { DeletionDeps } from './request.ts'
import { type BulkRequest, requestBulkDeletion } from './request-deletion.ts'

/** The progress of a bulk deletion, in users. */
export type BulkProgress = {
  total: number
  done: number
  failed: number
  /** Users a second since the start; null: it has not started. */
  rate: number | null
  /** Seconds to the end at this rate; null: unknown. */
  secondsLeft: number | null
}

/** A deletion's receipt; for a bulk deletion also its progress and the first receipts of failed users. */
export type DeletionReport = { deletion: Deletion; progress: BulkProgress | null; failed: Deletion[] }

export type DeletionPage = Omit<DeletionFilter, 'visibleTo'>

export type Deletions = {
  /**
   * Deletes one user for `caller`; its traffic is preserved first, unless the caller says otherwise.
   *
   * @throws `forbidden`, `not_found`, `conflict` and the panel's errors.
   */
  deleteUser(caller: Caller, username: string, preserveTraffic: boolean): Promise<Deletion>
  /** Opens a bulk deletion; the background work carries it out. */
  request(caller: Caller, request: BulkRequest, idempotencyKey: string | null): Promise<DeletionReport>
  /** @throws `not_found` when the caller may see no deletion with this id. */
  report(caller: Caller, id: bigint): Promise<DeletionReport>
  /**
   * Stops a bulk deletion: users that are not deleted yet stay.
   *
   * @throws `not_found`; `forbidden` for another caller's deletion; `conflict` for the deletion of a single user.
   */
  cancel(caller: Caller, id: bigint): Promise<DeletionReport>
  list(caller: Caller, page: DeletionPage): Promise<{ items: Deletion[]; next: bigint | null }>
}

/** The most failed users in a report; the list of deletions has all of them. */
const failuresShown = 100

export function createDeletions(options: DeletionDeps): Deletions {
  const { db } = options

  const describe = async (deletion: Deletion): Promise<DeletionReport> => {
    if (deletion.kind === 'user') return { deletion, progress: null, failed: [] }
    const [counts, seconds, failed] = await Promise.all([
      countChildren(db, deletion.id),
      secondsSpent(db, deletion.id),
      listDeletions(db, { parentId: deletion.id, states: ['failed'], before: null, limit: failuresShown }),
    ])
    const { deleted = 0, gone = 0, failed: left = 0 } = counts
    const total = Object.values(counts).reduce((sum, count) => sum + count, 0)
    const users = { total, done: deleted + gone, failed: left }
    return { deletion, progress: { ...users, ...paceOf(deletion, users, seconds) }, failed: failed.deletions }
  }

  const find = async (caller: Caller, id: bigint): Promise<Deletion> => {
    const deletion = await findVisibleDeletion(db, id, viewerOf(caller))
    if (deletion) return deletion
    throw new LedgerError('not_found', `There is no deletion with the id ${id} that you may see.`)
  }

  return {
    async deleteUser(caller, username, preserveTraffic) {
      if (!preserveTraffic) requireRight(caller, 'lose unread traffic', null)
      return deleteUser(options, { username, caller, preserveTraffic, receiptId: null })
    },
    request: async (caller, request, idempotencyKey) =>
      describe(await requestBulkDeletion(options, caller, request, idempotencyKey)),
    report: async (caller, id) => describe(await find(caller, id)),
    cancel: async (caller, id) => {
      const deletion = await find(caller, id)
      if (deletion.kind === 'user') {
        throw new LedgerError('conflict', 'The deletion of a single user cannot be cancelled.')
      }
      requireRight(caller, 'cancel deletion', { requestedBy: deletion.requestedBy })
      await transact(db, async (tx) => {
        await requestCancel(tx, id)
        await writeOutbox(tx, { kind: 'bulk_deletion', id, requestedBy: deletion.requestedBy })
      })
      return describe(await find(caller, id))
    },
    list: async (caller, page) => {
      const viewer = viewerOf(caller)
      const { deletions, next } = await listDeletions(db, { ...page, ...(viewer && { visibleTo: viewer }) })
      return { items: deletions, next }
    },
  }
}

/** Null: the caller may see all deletions. */
function viewerOf(caller: Caller): Viewer | null {
  return may(caller, 'read any deletion', null) ? null : { name: auditName(caller), adminId: caller.adminId }
}

function paceOf(
  deletion: Deletion,
  users: { total: number; done: number; failed: number },
  spent: number | null,
): Pick<BulkProgress, 'rate' | 'secondsLeft'> {
  if (spent === null) return { rate: null, secondsLeft: null }
  const ended = users.done + users.failed
  const rate = ended / Math.max(0.001, spent)
  if (deletion.finishedAt) return { rate, secondsLeft: 0 }
  return { rate, secondsLeft: rate > 0 ? (users.total - ended) / rate : null }
}
