import { isLedgerError, type LedgerError } from '../../errors.ts'
import { findAccount } from '../../store/accounts/queries.ts'
import type { Database } from '../../store/connection/database.ts'
import { type Asked, drawAsked } from '../../store/connection/logical-clock.ts'
import { transact } from '../../store/connection/transact.ts'
import type { AdminDeletion, DeletionOf, UserDeletion } from '../../store/deletions/deletion.ts'
import { noteReading } from '../../store/deletions/deletions.ts'
import {
  findOpenDeletion,
  listLateAdminDeletions,
  listUnsettled,
  markUnknown,
  type OpenDeletion,
} from '../../store/deletions/unsettled-deletions.ts'
import { listTenuresOf } from '../../store/tenures/tenures.ts'
import { countTimeouts } from '../observing/count-timeouts.ts'
import { observePage } from '../observing/observe-page.ts'
import { observeGone, observeUsersIn } from '../observing/observe-users.ts'
import { closeDeletedAdmin } from './close-admin.ts'
import { closeDeleted, endUndeleted, interruption } from './close-receipt.ts'
import { type Look, outcomeByLook, shownBy } from './outcome.ts'
import type { DeletionDeps } from './request.ts'

const atOnce = 100

type SettlingDeps = Omit<DeletionDeps, 'worker'>

/**
 * Finds out the outcome of deletions that the panel has not answered, or that a stopped service has left, and writes it on
 * their receipts.
 *
 * @param deps.signal ends it between two receipts.
 * @throws the panel's errors; the next call takes those receipts again. `AbortError` when `deps.signal` is aborted.
 */
export async function settleDeletions(deps: SettlingDeps & { signal: AbortSignal }): Promise<void> {
  let unreadable: LedgerError | null = null
  const isSilent = countTimeouts()
  for await (const deletion of eachUnsettled(deps.db)) {
    deps.signal.throwIfAborted()
    try {
      await (deletion.kind === 'user'
        ? settleUserDeletion(deps, deletion)
        : settleAdminDeletion(deps, deletion))
    } catch (error) {
      // A bad answer about one of them does not stop the others, nor does one that never comes.
      if (!isLedgerError(error, 'panel_bad_answer', 'panel_failed', 'panel_timeout', 'invalid_request'))
        throw error
      if (isSilent(error)) throw error
      unreadable = error
    }
  }
  if (unreadable) throw unreadable
}

/** All of them, however many stay unsettled. */
async function* eachUnsettled(db: Database): AsyncGenerator<UserDeletion | AdminDeletion> {
  for (let after = 0n; ; ) {
    const page = await listUnsettled(db, { after, limit: atOnce })
    yield* page
    after = page.at(-1)?.id ?? after
    if (page.length < atOnce) break
  }
  yield* await listLateAdminDeletions(db, atOnce)
}

/**
 * Finds out the outcome of a user's deletion that no service works on any more. While the panel can still act, the receipt
 * stays open, as `unknown`.
 *
 * @returns the receipt after that.
 */
export async function settleUserDeletion(deps: SettlingDeps, deletion: UserDeletion): Promise<UserDeletion> {
  const open = await findOpenDeletion(deps.db, deletion)
  if (!open) return deletion
  const { username } = open
  const asked = await drawAsked(deps.db)
  const look = await deps.panel.lookAtUser(username, { freshConnection: true })
  const shown = shownBy(look, open.createdAt, await listTenuresOf(deps.db, username), asked)
  switch (outcomeByLook(shown, isGraceOver(open))) {
    case 'deleted': {
      const closed = await closeDeleted(deps.db, open)
      if (look === null) await observeGone(deps.db, asked, username)
      return closed
    }
    case 'still there':
      return endStillThere(deps, open, look, asked)
    default:
      // The user can still consume.
      if (look !== null && !('unreadable' in look)) await observePage(deps.db, asked, [look])
      return leaveUnknown(deps, open)
  }
}

/** Counts the user's last reading and writes it on the receipt. An overlapped reading is repeated the next time. */
async function endStillThere(
  { db }: SettlingDeps,
  open: OpenDeletion<UserDeletion>,
  look: Look,
  asked: Asked,
): Promise<UserDeletion> {
  if (look === null || 'unreadable' in look || !open.preserveTraffic) return endUndeleted(db, open)
  try {
    return await transact(db, async (tx) => {
      const { accepted } = await observeUsersIn(tx, asked, [look])
      const reading = accepted.get(look.username)
      if (!reading) return open
      await noteReading(tx, open.id, { ...reading, username: look.username })
      return endUndeleted(tx, open)
    })
  } catch (error) {
    // With this reading, a sum would be too large to store.
    if (isLedgerError(error, 'user_unreadable')) return endUndeleted(db, open)
    throw error
  }
}

/** {@link settleUserDeletion}, of an admin. */
export async function settleAdminDeletion(
  deps: SettlingDeps,
  deletion: AdminDeletion,
): Promise<AdminDeletion> {
  const { db, panel } = deps
  const account = await findAccount(db, deletion.adminId)
  const asked = await drawAsked(db)
  if (!account || !(await panel.hasAdmin(account.username))) return closeDeletedAdmin(db, deletion, asked)
  const open = await findOpenDeletion(db, deletion)
  if (!open) return deletion
  // Its service has yet to send the deletion, or waits for the answer.
  if (open.alive) return open
  // It may be a new admin of this name. Nothing can tell; its account goes on either way, and counts no byte twice.
  return isGraceOver(open) ? endUndeleted(db, open) : leaveUnknown(deps, open)
}

function isGraceOver({ state, grace }: OpenDeletion): boolean {
  return state === 'unknown' && grace <= 0
}

async function leaveUnknown<Receipt extends OpenDeletion>(
  { db, graceMs }: SettlingDeps,
  open: Receipt,
): Promise<Receipt | DeletionOf<Receipt['kind']>> {
  return open.state === 'unknown' ? open : markUnknown(db, open, { graceMs, error: interruption(open) })
}
