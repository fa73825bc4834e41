import { createHash } from 'node:crypto'
import { LedgerError } from '../errors.ts'
import { type AccountRow, findAccount } from '../store/account-list.ts'
import { findByIdempotencyKey, insertBulkDeletion, type NewBulkDeletion } from '../store/bulk-deletions.ts'
import type { Database, Tx } from '../store/database.ts'
import type { Deletion } from '../store/deletions.ts'
import { transact } from '../store/transact.ts'
import { auditName, type Caller } from './callers.ts'

/** Hands a bulk deletion to the background work, in the transaction that opens it. */
export type EnqueueDeletion = (tx: Tx, id: bigint) => Promise<void>

export type RequestDeletion = { db: Database; enqueue: EnqueueDeletion }

/** Users by name, or those of one admin, of one status if given; or the admin with all its users. */
export type BulkRequest =
  | { usernames: readonly string[] }
  | { adminId: bigint; status: string | null }
  | { wholeAdminId: bigint }

/**
 * Opens a bulk deletion and returns it; the users are deleted in the background.
 *
 * @param idempotencyKey a request with a key that the caller used before returns the deletion it opened then.
 * @throws `forbidden` for another admin's users; `not_found` for an unknown account; `conflict` for a key used for
 *   another request, a closed account, and a sudo admin, which the panel refuses to delete.
 */
export async function requestBulkDeletion(
  { db, enqueue }: RequestDeletion,
  caller: Caller,
  request: BulkRequest,
  idempotencyKey: string | null,
): Promise<Deletion> {
  const bulk = await authorise(db, caller, request)
  const requestHash = idempotencyKey === null ? null : hash(request)
  return transact(db, async (tx) => {
    if (idempotencyKey !== null) {
      const earlier = await findByIdempotencyKey(tx, auditName(caller), idempotencyKey)
      if (earlier && earlier.request_hash !== requestHash) {
        throw new LedgerError('conflict', 'This Idempotency-Key was used for another request; use a new one.')
      }
      if (earlier) return earlier
    }
    const opened = await insertBulkDeletion(tx, {
      ...bulk,
      requestedBy: auditName(caller),
      idempotencyKey,
      requestHash,
    })
    await enqueue(tx, opened.id)
    return opened
  })
}

type Authorised = Omit<NewBulkDeletion, 'requestedBy' | 'idempotencyKey' | 'requestHash'>

async function authorise(db: Database, caller: Caller, request: BulkRequest): Promise<Authorised> {
  if ('usernames' in request) {
    if (!caller.isSudo && caller.adminId === null) {
      throw new LedgerError(
        'forbidden',
        'The ledger has no account of yours yet; try again after the next poll.',
      )
    }
    const onlyAdminId = caller.isSudo ? null : caller.adminId
    return { kind: 'users', adminId: null, onlyAdminId, onlyStatus: null, usernames: request.usernames }
  }
  const whole = 'wholeAdminId' in request
  const account = await findOpen(db, caller, whole ? request.wholeAdminId : request.adminId)
  if (whole && !caller.isSudo) throw new LedgerError('forbidden', 'Only sudo admins may delete admins.')
  if (whole && account.isSudo) {
    throw new LedgerError(
      'conflict',
      `${account.username} is a sudo admin, and the panel refuses to delete those; take the right away first.`,
    )
  }
  return {
    kind: whole ? 'admin' : 'users',
    adminId: account.id,
    onlyAdminId: account.id,
    onlyStatus: whole ? null : request.status,
    usernames: [],
  }
}

async function findOpen(db: Database, caller: Caller, adminId: bigint): Promise<AccountRow> {
  if (!caller.isSudo && caller.adminId !== adminId) {
    throw new LedgerError('forbidden', "These are another admin's users.")
  }
  const account = await findAccount(db, adminId)
  if (!account) throw new LedgerError('not_found', `There is no account with the id ${adminId}.`)
  if (account.closedAt) {
    throw new LedgerError('conflict', `The admin ${account.username} of this account was deleted already.`)
  }
  return account
}

function hash(request: BulkRequest): string {
  const text = JSON.stringify(request, (_, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  )
  return createHash('sha256').update(text).digest('hex')
}
