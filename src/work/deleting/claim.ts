import { LedgerError } from '../../errors.ts'
import type { Tx } from '../../store/connection/database.ts'
import { finishDeletion } from '../../store/deletions/deletions.ts'
import {
  lockUnderWay,
  markUnknown,
  type OpenDeletion,
  type Target,
} from '../../store/deletions/unsettled-deletions.ts'
import { endUndeleted, endUnknowable, interruption } from './close-receipt.ts'

/** The deletion that wants to begin. */
export type Claim = {
  target: Target
  /** The user or the admin, as messages name it. */
  what: string
  /** Tells the user from others of the same name; null: unknown, or it is an admin. */
  createdAt: string | null
  /** Whether the panel itself has shown this user or admin. */
  isSure: boolean
  graceMs: number
}

/**
 * Keeps the panel from getting two deletions of the same user or admin at the same time. If it carried out the second one
 * late, it could delete a new user of that name, whose traffic nobody has read.
 *
 * @returns why the deletion must not begin now: throw it after the commit, never in the transaction; null: it may begin.
 */
export async function claimReceipt(tx: Tx, claim: Claim): Promise<LedgerError | null> {
  const other = await lockUnderWay(tx, claim.target)
  // It can be this very receipt: another service has taken it over meanwhile.
  if (!other) return null
  if (other.alive) {
    return conflict(`${claim.what} is being deleted already: see /deletions/${other.id}.`, 2)
  }
  if (isOfAnother(other, claim)) {
    await finishDeletion(tx, other, { state: 'deleted' })
    return null
  }
  if (other.state !== 'unknown') {
    // The service that worked on it is gone, but may have sent the deletion just before.
    await markUnknown(tx, other, { graceMs: claim.graceMs, error: interruption(other) })
    return mayStillAct(claim, other, claim.graceMs / 1000)
  }
  if (other.grace > 0) return mayStillAct(claim, other, other.grace)
  await (claim.isSure || other.kind === 'admin' ? endUndeleted(tx, other) : endUnknowable(tx, other))
  return null
}

/** Whether the panel shows another user of this name: then the user of the receipt is gone, and its deletion is over. */
function isOfAnother(other: OpenDeletion, claim: Claim): boolean {
  if (other.kind !== 'user' || other.createdAt === null) return false
  return claim.createdAt !== null && other.createdAt !== claim.createdAt
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
