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
import { auditName, type Caller } from '../callers/callers.ts'
import { deleteUser } from './delete-user.ts'
import type { DeletionDeps } from './request.ts'
import { type BulkRequest, requestBulkDeletion } from './request-deletion.ts'

/** How far a bulk deletion has come, in users. */
export type BulkProgress = {
  total: number
  done: number
  failed: number
  /** Users a second since it began; null: it has not begun. */
  rate: number | null
  /** Seconds until it is over at this rate; null: nobody can tell. */
  secondsLeft: number | null
}

/** A deletion's receipt; of a bulk one also how far it has come, and the first receipts of users that failed. */
export type DeletionReport = { deletion: Deletion; progress: BulkProgress | null; failed: Deletion[] }

export type DeletionPage = Omit<DeletionFilter, 'visibleTo'>

export type Deletions = {
  /**
   * Deletes one user for `caller`, its traffic preserved first unless it asks otherwise.
   *
   * @throws `forbidden`, `not_found`, `conflict` and the panel's errors.
   */
  deleteUser(caller: Caller, username: string, preserveTraffic: boolean): Promise<Deletion>
  /** Opens a bulk deletion that is carried out in the background. */
  request(caller: Caller, request: BulkRequest, idempotencyKey: string | null): Promise<DeletionReport>
  /** @throws `not_found` for an id that is not one of a deletion the caller may see. */
  report(caller: Caller, id: bigint): Promise<DeletionReport>
  /**
   * Asks a bulk deletion to stop: what is not deleted yet stays.
   *
   * @throws `not_found`; `forbidden` when somebody else asked for it; `conflict` for the deletion of a single user.
   */
  cancel(caller: Caller, id: bigint): Promise<DeletionReport>
  list(caller: Caller, page: DeletionPage): Promise<{ items: Deletion[]; next: bigint | null }>
}

/** Failed users told with a bulk deletion; all of them are in the list of deletions. */
const failuresTold = 100

export function createDeletions(options: DeletionDeps): Deletions {
  const { db } = options

  const describe = async (deletion: Deletion): Promise<DeletionReport> => {
    if (deletion.kind === 'user') return { deletion, progress: null, failed: [] }
    const [counts, seconds, failed] = await Promise.all([
      countChildren(db, deletion.id),
      secondsSpent(db, deletion.id),
      listDeletions(db, { parentId: deletion.id, states: ['failed'], before: null, limit: failuresTold }),
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
    deleteUser(caller, username, preserveTraffic) {
      if (!preserveTraffic && !caller.isSudo) {
        throw new LedgerError(
          'forbidden',
          'Only sudo admins may delete a user without preserving its traffic.',
          {
            field: 'preserve_traffic',
          },
        )
      }
      return deleteUser(options, {
        username,
        requestedBy: auditName(caller),
        token: caller.token,
        preserveTraffic,
        receiptId: null,
        onlyAdminId: null,
      })
    },
    request: async (caller, request, idempotencyKey) =>
      describe(await requestBulkDeletion(options, caller, request, idempotencyKey)),
    report: async (caller, id) => describe(await find(caller, id)),
    cancel: async (caller, id) => {
      const deletion = await find(caller, id)
      if (deletion.kind === 'user') {
        throw new LedgerError('conflict', 'The deletion of a single user cannot be cancelled.')
      }
      if (!caller.isSudo && deletion.requestedBy !== auditName(caller)) {
        throw new LedgerError(
          'forbidden',
          'Only who asked for this deletion, or a sudo admin, may cancel it.',
        )
      }
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

/** Null: the caller may see all. */
function viewerOf(caller: Caller): Viewer | null {
  return caller.isSudo ? null : { name: auditName(caller), adminId: caller.adminId }
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
