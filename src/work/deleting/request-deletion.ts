import { createHash } from 'node:crypto'
import { accountIsClosed, LedgerError, noAccount } from '../../errors.ts'
import type { PanelClient } from '../../panel/panel.ts'
import { type AccountView, findAccount } from '../../store/accounts/queries.ts'
import type { Database, Tx } from '../../store/connection/database.ts'
import { transact } from '../../store/connection/transact.ts'
import { lockCaller, readBulkLoad } from '../../store/deletions/bulk-admission.ts'
import {
  findByIdempotencyKey,
  freeIdempotencyKey,
  insertBulkDeletion,
  type NewBulkDeletion,
} from '../../store/deletions/bulk-deletions.ts'
import type { BulkDeletion } from '../../store/deletions/deletion.ts'
import { finishDeletion } from '../../store/deletions/deletions.ts'
import { writeOutbox } from '../../store/outbox/outbox.ts'
import { auditName, type Caller } from '../callers/caller.ts'
import { may, requireRight } from '../callers/may.ts'
import { admitNames } from './admit-names.ts'
import { refuseTooMuch } from './bulk-limits.ts'
import { usersLeft } from './bulk-outcome.ts'

export type RequestDeps = { db: Database; panel: PanelClient }

/** Users by name; or the users of one admin, of some statuses or all; or the admin with all its users. */
export type BulkRequest =
  | { usernames: readonly string[] }
  /** `statuses` null: all users. */
  | { adminId: bigint; statuses: readonly string[] | null }
  | { wholeAdminId: bigint }

/**
 * Opens a bulk deletion and returns it; the users are deleted in the background. Names of foreign users are refused at once,
 * each in its receipt.
 *
 * @param idempotencyKey a repeated key returns the deletion that the caller opened with it before.
 * @throws `forbidden` for another admin's users; `not_found` for an unknown account; `conflict` for a key used for
 *   another request, a closed account, or a sudo admin, which the panel refuses to delete; `rate_limited` when the caller has
 *   enough deletions open; the panel's errors when it must be asked about new users.
 */
export async function requestBulkDeletion(
  work: RequestDeps,
  caller: Caller,
  request: BulkRequest,
  idempotencyKey: string | null,
): Promise<BulkDeletion> {
  const { db } = work
  const requestedBy = auditName(caller)
  const holder = { requestedBy, adminId: caller.adminId }
  const requestHash = idempotencyKey === null ? null : hash(request)
  const findEarlier = async (at: Database | Tx) => {
    if (idempotencyKey === null) return null
    const earlier = await findByIdempotencyKey(at, holder, idempotencyKey)
    if (earlier && earlier.requestHash !== requestHash) {
      throw new LedgerError('conflict', 'This Idempotency-Key was used for another request; use a new one.')
    }
    return earlier
  }
  const known = await findEarlier(db)
  if (known) return known
  const { users, ...bulk } = await authorise(work, caller, request)
  return transact(db, async (tx) => {
    await lockCaller(tx, requestedBy)
    const earlier = await findEarlier(tx)
    if (earlier) return earlier
    if (idempotencyKey !== null) await freeIdempotencyKey(tx, holder, idempotencyKey)
    const refused = bulk.refused.usernames.length
    refuseTooMuch(caller.isSudo, await readBulkLoad(tx, requestedBy), { users, refused })
    const opened = await insertBulkDeletion(tx, { ...bulk, requestedBy, idempotencyKey, requestHash })
    if (refused > 0 && users === 0) {
      return finishDeletion(tx, opened, { state: 'incomplete', error: usersLeft(refused) })
    }
    await writeOutbox(tx, { kind: 'bulk_deletion', id: opened.id, requestedBy })
    return opened
  })
}

/** `users`: how many users it will delete, as far as the ledger knows. */
type Authorised = Omit<NewBulkDeletion, 'requestedBy' | 'idempotencyKey' | 'requestHash'> & { users: number }

async function authorise(work: RequestDeps, caller: Caller, request: BulkRequest): Promise<Authorised> {
  if ('usernames' in request) {
    const { usernames, refused } = await admitNames(work, caller, request.usernames)
    return {
      kind: 'users',
      adminId: null,
      onlyAdminId: may(caller, 'delete any user', null) ? null : caller.adminId,
      onlyStatuses: null,
      usernames,
      refused,
      users: usernames.length,
    }
  }
  const whole = 'wholeAdminId' in request
  const adminId = whole ? request.wholeAdminId : request.adminId
  if (whole) requireRight(caller, 'delete admin', null)
  else requireRight(caller, 'delete users', { adminId })
  const account = await findOpen(work.db, adminId)
  if (whole && account.isSudo) {
    throw new LedgerError(
      'conflict',
      `${account.username} is a sudo admin, and the panel refuses to delete those; take the right away first.`,
    )
  }
  const statuses = whole ? null : request.statuses
  return {
    kind: whole ? 'admin' : 'users',
    adminId: account.id,
    onlyAdminId: account.id,
    onlyStatuses: statuses,
    usernames: [],
    refused: { usernames: [], code: '', message: '' },
    users: countUsers(account, statuses),
  }
}

/** How many users of an account exist, as far as the ledger knows; `statuses` null: of all statuses. */
export function countUsers(account: AccountView, statuses: readonly string[] | null): number {
  const counted = Object.entries(account.users).filter(
    ([status]) => status !== 'deleted' && (statuses === null || statuses.includes(status)),
  )
  return Number(counted.reduce((sum, [, users]) => sum + users, 0n))
}

async function findOpen(db: Database, adminId: bigint): Promise<AccountView> {
  const account = await findAccount(db, adminId)
  if (!account) throw noAccount(adminId)
  if (account.closedAt) throw accountIsClosed(adminId)
  return account
}

function hash(request: BulkRequest): string {
  const text = JSON.stringify(request, (_, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  )
  return createHash('sha256').update(text).digest('hex')
}
