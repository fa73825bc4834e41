import type { DeletionReply, PanelClient } from '../../panel/panel.ts'
import type { Database } from '../../store/connection/database.ts'
import type { WorkerSession } from '../../store/connection/worker-session.ts'
import type { SingleDeletion } from '../../store/deletions/unsettled-deletions.ts'

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
  /** Name of the caller, for the audit trail. */
  requestedBy: string
  /** The caller's own token: the panel decides what it may do. Null: the configured sudo account acts. */
  token: string | null
  preserveTraffic: boolean
  /** The receipt opened for this user by a bulk deletion; null: it gets one of its own. */
  receiptId: bigint | null
  /** Refuses users of other accounts; null: the panel alone decides. */
  onlyAdminId: bigint | null
  /** Spares users that have another status by the time of their final reading; left out: none. */
  onlyStatuses?: readonly string[]
}

/**
 * Sends a deletion to the panel, once, and says what came of it: as the service itself, or the request of a caller as it
 * is. It does not fail.
 */
export type SendDeletion<Receipt extends SingleDeletion, Reply extends DeletionReply> = (
  receipt: Receipt,
) => Promise<Reply>

/** The rights with which the panel is asked: the caller's own where it has a token. */
export function asCaller(request: UserDeletionRequest): { token?: string } {
  return request.token === null ? {} : { token: request.token }
}
