import type { DeletionReply, PanelClient } from '../../panel/panel.ts'
import type { Database } from '../../store/connection/database.ts'
import type { WorkerSession } from '../../store/connection/worker-session.ts'
import type { Deletion } from '../../store/deletions/deletions.ts'
import type { Caller } from '../callers/caller.ts'

/** What deletions are carried out with. */
export type DeletionDeps = {
  db: Database
  panel: PanelClient
  worker: WorkerSession
  /** Milliseconds for which the panel may still act on a deletion after this service has given up waiting for its answer. */
  graceMs: number
}

export type UserDeletionRequest = {
  username: string
  /** The final reading checks the user's owner against this caller's rights. */
  caller: Caller
  preserveTraffic: boolean
  /** The receipt opened for this user by a bulk deletion; null: it gets one of its own. */
  receiptId: bigint | null
  /** Spares users that have another status by the time of their final reading; left out: none. */
  onlyStatuses?: readonly string[]
}

/**
 * Sends a deletion to the panel, once, and says what came of it: as the service itself, or the request of a caller as it
 * is. It does not fail.
 */
export type SendDeletion<Reply extends DeletionReply> = (receipt: Deletion) => Promise<Reply>

/** Lets the panel act with the caller's own rights, where the caller has a token. */
export function asCaller({ caller }: UserDeletionRequest): { token?: string } {
  return caller.token === null ? {} : { token: caller.token }
}
