import { isLedgerError, type LedgerError } from '../../src/errors.ts'
import type { Forwarder, PanelClient } from '../../src/panel/panel.ts'
import type { PanelApi } from '../../src/panel/panel-api.ts'
import { findOpenAccount } from '../../src/store/accounts/queries.ts'
import type { Database } from '../../src/store/connection/database.ts'
import { listOpenBulks } from '../../src/store/deletions/deletion-places.ts'
import { operator } from '../../src/work/callers/caller.ts'
import { pollPanel } from '../../src/work/collecting/poll-panel.ts'
import { scanDueAdmins } from '../../src/work/collecting/scan-round.ts'
import { advanceBulkDeletion, type BulkDeletionDeps } from '../../src/work/deleting/bulk-deletion.ts'
import { deleteUser } from '../../src/work/deleting/delete-user.ts'
import { takeTurns } from '../../src/work/deleting/deletion-turns.ts'
import { type BulkRequest, requestBulkDeletion } from '../../src/work/deleting/request-deletion.ts'
import { settleDeletions } from '../../src/work/deleting/settle.ts'
import { readAdmin } from '../../src/work/observing/observe-admins.ts'
import type { PanelLag } from '../../src/work/observing/panel-lag.ts'
import { readNamedUsers } from '../../src/work/observing/read-users-by-name.ts'
import { scanAdmin } from '../../src/work/observing/scan-admin.ts'
import { passRests } from '../support/carry-out.ts'
import { dueScanOf } from '../support/ledger.ts'
import { cancelDeletion, deleteOwnUsers } from './deletion-work.ts'
import { callThroughFront, disableThroughFront, editThroughFront } from './front-call.ts'
import { isLimitWork, performLimitWork } from './limit-operations.ts'
import type { Work } from './steps.ts'
import { graceMs } from './wire.ts'

/** What a replica's operation works with. */
export type Workplace = {
  db: Database
  panel: PanelClient
  /** How callers reach the panel through the front. */
  forwarder: Forwarder
  api: PanelApi
  worker: string
  now: () => number
  panelLag: PanelLag
}

const scanIntervalSeconds = 600
/** So small that an admin's users do not fit. */
const pageSize = 2

/**
 * Does `work` with the service's own code.
 *
 * @returns how it ended, for the reader: failures that the service names are part of its work, others are not caught.
 */
export async function perform(work: Work, place: Workplace): Promise<string> {
  try {
    await begin(work, place)
    return 'done'
  } catch (error) {
    if (isLedgerError(error)) return `${error.code}: ${error.message}`
    throw error
  }
}

async function begin(work: Work, place: Workplace): Promise<unknown> {
  const { db } = place
  const common = {
    ...place,
    worker: { id: async () => place.worker, check: async () => {}, close: async () => {} },
    signal: new AbortController().signal,
    rest: async () => {},
    pageSize,
    graceMs,
  }
  switch (work.of) {
    case 'poll':
      return pollPanel({ ...common, onFailure: () => {}, onRecovery: () => {} })
    case 'read counter':
      return readAdmin(common, { username: work.admin })
    case 'scan': {
      const account = await findOpenAccount(db, work.admin)
      if (!account) return
      return scanAdmin(common, await dueScanOf(db, account))
    }
    case 'scan what is due':
      return scanDueAdmins(common, {
        intervalSeconds: scanIntervalSeconds,
        onProgress: () => {},
        onFailure: () => {},
      })
    case 'delete user':
      return deleteUser(common, {
        username: work.user,
        caller: operator,
        preserveTraffic: work.preserve,
        receiptId: null,
      })
    case 'delete users':
      return request(place, { usernames: work.users })
    case 'delete users of':
      return requestOf(place, work.admin, (adminId) => ({ adminId, statuses: null }))
    case 'delete admin':
      return requestOf(place, work.admin, (wholeAdminId) => ({ wholeAdminId }))
    case 'delete own users':
      return deleteOwnUsers(common, work.admin, work.key)
    case 'cancel deletion':
      return cancelDeletion(common, work.pick)
    case 'go on with bulk deletions':
      return goOnWithBulks(common)
    case 'settle deletions':
      return settleDeletions(common)
    case 'read user':
      return readNamedUsers(common, [work.user])
    case 'front: edit user':
      return editThroughFront(work, common)
    case 'front: disable users':
      return disableThroughFront(work, common)
    default:
      if (isLimitWork(work)) return performLimitWork(work, common, place.now())
      return callThroughFront(work, { ...common, holdOf: async () => null })
  }
}

/** Each bulk deletion has a job of its own: one that waits keeps no other from going on. */
async function goOnWithBulks(deps: BulkDeletionDeps): Promise<void> {
  const { db } = deps
  await passRests(db)
  const failures: LedgerError[] = []
  for (const { id } of await listOpenBulks(db)) {
    try {
      await goOn(deps, id)
    } catch (error) {
      if (!isLedgerError(error) || error.code === 'database_unavailable') throw error
      failures.push(error)
    }
  }
  if (failures[0]) throw failures[0]
}

async function goOn(deps: BulkDeletionDeps, id: bigint): Promise<void> {
  // Users that rest now are taken the next time.
  for (let left = -1; await advanceBulkDeletion(deps, id); ) {
    await takeTurns({ ...deps, lookAgain: async () => {} }, 'place 1')
    const before = left
    left = await countOpen(deps.db, id)
    if (left === before) break
  }
}

/** The queue hands out what is not finished: that stands in the same database. */
async function request({ db, panel }: Workplace, bulk: BulkRequest): Promise<unknown> {
  return requestBulkDeletion({ db, panel }, operator, bulk, null)
}

async function requestOf(
  place: Workplace,
  admin: string,
  bulkOf: (adminId: bigint) => BulkRequest,
): Promise<unknown> {
  const account = await findOpenAccount(place.db, admin)
  return account && request(place, bulkOf(account.id))
}

/** Users of a bulk deletion whose receipts have not ended. */
async function countOpen(db: Database, id: bigint): Promise<number> {
  const open = await db
    .selectFrom('deletions')
    .select('id')
    .where('parent_id', '=', id)
    .where('finished_at', 'is', null)
    .execute()
  return open.length
}
