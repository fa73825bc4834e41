import { isLedgerError, type LedgerError } from '../errors.ts'
import { isSameCreation } from '../ledger/user-identity.ts'
import type { PanelClient } from '../panel/types.ts'
import { findAccount } from '../store/account-list.ts'
import { drawAsked } from '../store/clock.ts'
import type { Database } from '../store/database.ts'
import { type Deletion, finishDeletion, listAbandoned } from '../store/deletions.ts'
import { transact } from '../store/transact.ts'
import { closeDeletedAdmin } from './close-admin.ts'
import { endTenuresIn, observeGone, observeUsers } from './observe-users.ts'

const atOnce = 100

type Settling = { db: Database; panel: PanelClient }

/**
 * Finds out what became of deletions that a service left behind when it was stopped, and puts it on their receipts. Who
 * is still there is not deleted: who asked for it got no answer, and asks again.
 *
 * @throws the panel's errors; those receipts stay for the next time.
 */
export async function settleAbandonedDeletions(work: Settling): Promise<void> {
  let unreadable: LedgerError | null = null
  for (const deletion of await listAbandoned(work.db, atOnce)) {
    try {
      await (deletion.kind === 'admin' ? settleAdmin : settleUserDeletion)(work, deletion)
    } catch (error) {
      // What the panel says of one keeps nobody from asking about the next.
      if (!isLedgerError(error, 'panel_bad_answer')) throw error
      unreadable = error
    }
  }
  if (unreadable) throw unreadable
}

async function settleAdmin({ db, panel }: Settling, deletion: Deletion): Promise<void> {
  const account = deletion.admin_id === null ? null : await findAccount(db, deletion.admin_id)
  const username = account?.username ?? ''
  const asked = await drawAsked(db)
  const listed = await panel.admins({ username })
  if (listed.some((admin) => admin.username === username)) {
    const message = `Admin ${username} was not deleted: the service was interrupted.`
    await finishDeletion(db, deletion.id, { state: 'failed', error: { code: 'interrupted', message } })
  } else {
    await closeDeletedAdmin(db, deletion, asked)
  }
}

/** Finds out what became of the deletion of one user on which nobody works any more, and ends its receipt. */
export async function settleUserDeletion({ db, panel }: Settling, deletion: Deletion): Promise<void> {
  const username = deletion.username ?? ''
  const asked = await drawAsked(db)
  const user = await panel.user(username)
  const isGone =
    user === null || (deletion.created_at !== null && !isSameCreation(deletion.created_at, user.createdAt))
  if (!isGone) {
    const message = `${deletion.preserved_at ? 'Its traffic is preserved. ' : ''}User ${username} was not deleted: the service was interrupted.`
    await observeUsers(db, asked, [user])
    await finishDeletion(db, deletion.id, { state: 'failed', error: { code: 'interrupted', message } })
    return
  }
  await transact(db, async (tx) => {
    const { created_at: createdAt } = deletion
    if (createdAt !== null) await endTenuresIn(tx, asked, { username, createdAt }, 'service')
    await finishDeletion(tx, deletion.id, { state: 'deleted' })
  })
  if (user === null) await observeGone(db, asked, username)
}
