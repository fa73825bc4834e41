import { LedgerError } from '../../errors.ts'
import type { Tx } from '../../store/connection/database.ts'
import { finishDeletion } from '../../store/deletions/deletions.ts'
import {
  lockUnderWay,
  markUnknown,
  type OpenDeletion,
  type Target,
} from '../../store/deletions/unsettled-deletions.ts'
import { endUndeleted, endUntold, interruption } from './close-receipt.ts'

/** Whose deletion is to begin. */
export type Claim = {
  target: Target
  /** The user or the admin, as messages name it. */
  what: string
  /** The receipt of this deletion, if it has one already. */
  receiptId: bigint | null
  /** Which user of that name the panel has now; null: nobody knows, or it is an admin. */
  createdAt: string | null
  /** Whether the panel has shown that it is this one, or the admin. */
  isSure: boolean
  graceMs: number
}

/**
 * Makes sure that the panel is not asked twice to delete the same at a time: a second request that it carries out late would
 * delete whoever bears the name by then, unread.
 *
 * @returns why the deletion must not begin now, to be told to the caller once the transaction is committed; null: it may.
 */
export async function claim(tx: Tx, wanted: Claim): Promise<LedgerError | null> {
  const other = await lockUnderWay(tx, wanted.target)
  if (!other || other.id === wanted.receiptId) return null
  if (other.alive) {
    return conflict(`${wanted.what} is being deleted already: see /deletions/${other.id}.`, 2)
  }
  if (isOfAnother(other, wanted)) {
    await finishDeletion(tx, other, { state: 'deleted' })
    return null
  }
  if (other.state !== 'unknown') {
    // Whoever worked on it is gone, and may have asked the panel right before.
    await markUnknown(tx, other, { graceMs: wanted.graceMs, error: interruption(other) })
    return mayStillAct(wanted, other, wanted.graceMs / 1000)
  }
  if (other.grace > 0) return mayStillAct(wanted, other, other.grace)
  await (wanted.isSure || other.kind === 'admin' ? endUndeleted(tx, other) : endUntold(tx, other))
  return null
}

/** Another user of the name shows that the one of the receipt is gone, and the request with it. */
function isOfAnother(other: OpenDeletion, wanted: Claim): boolean {
  if (other.kind !== 'user' || other.createdAt === null) return false
  return wanted.createdAt !== null && other.createdAt !== wanted.createdAt
}

function mayStillAct({ what }: Claim, { id }: OpenDeletion, seconds: number): LedgerError {
  const wait = Math.max(1, Math.ceil(seconds))
  return conflict(
    `${what} was not deleted now: the panel may still carry out an earlier deletion. See /deletions/${id}, and try again in ${wait} s.`,
    wait,
  )
}

function conflict(message: string, retryAfter: number): LedgerError {
  return new LedgerError('conflict', message, { retryAfter })
}
