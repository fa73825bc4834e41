import type { DeletionReply, PanelClient } from '../../panel/panel.ts'
import type { Database } from '../../store/connection/database.ts'
import type { WorkerSession } from '../../store/connection/worker-session.ts'
import type { SingleDeletion } from '../../store/deletions/unsettled-deletions.ts'
import type { Caller } from '../callers/caller.ts'

/** What deletions work with. */
export type DeletionDeps = {
  db: Database
  panel: PanelClient
  worker: WorkerSession
  /** How long the panel can still act after this service has stopped waiting for its answer, in milliseconds. */
  graceMs: number
}

export type UserDeletionRequest = {
  username: string
  /** The final reading checks the user's owner against this caller's rights. */
  caller: Caller
  preserveTraffic: boolean
  /** The receipt that a bulk deletion has opened for this user; null: the user gets a new one. */
  receiptId: bigint | null
  /** Spares a user that has another status in its final reading; left out: spares none. */
  onlyStatuses?: readonly string[]
}

/**
 * Sends a deletion to the panel, once, and returns the result: it sends a request of the service, or forwards the caller's. It
 * does not throw.
 */
export type SendDeletion<Receipt extends SingleDeletion, Reply extends DeletionReply> = (
  receipt: Receipt,
) => Promise<Reply>

/** Lets the panel act with the caller's own rights, where the caller has a token. */
export function asCaller({ caller }: UserDeletionRequest): { token?: string } {
  return caller.token === null ? {} : { token: caller.token }
}
