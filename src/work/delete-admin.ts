import { isLedgerError, LedgerError } from '../errors.ts'
import { type AccountRow, findAccount } from '../store/account-list.ts'
import { preserveAdmin } from '../store/bulk-deletions.ts'
import { drawAsked } from '../store/clock.ts'
import { type Deletion, finishDeletion } from '../store/deletions.ts'
import { closeDeletedAdmin } from './close-admin.ts'
import { mustReadAdmin, type ObserveAdmins } from './observe-admins.ts'

/**
 * Deletes an admin whose users are gone, after a last reading of its counter, and closes its account.
 *
 * @param last whether users that turned up meanwhile end the deletion, instead of being deleted too.
 * @returns whether the deletion has ended; false: the admin has users again.
 */
export async function deleteAdmin(work: ObserveAdmins, deletion: Deletion, last: boolean): Promise<boolean> {
  const { db, panel } = work
  const account = deletion.admin_id === null ? null : await findAccount(db, deletion.admin_id)
  if (!account || account.closedAt) {
    await finishDeletion(db, deletion.id, { state: 'deleted' })
    return true
  }
  const { total } = await panel.users({ admin: account.username, offset: 0, limit: 1 })
  if (total > 0 && !last) return false
  if (total > 0) {
    const message = `Admin ${account.username} keeps getting new users: it was not deleted.`
    await finishDeletion(db, deletion.id, { state: 'incomplete', error: { code: 'users_left', message } })
    return true
  }
  const read = await mustReadAdmin(work, account.username)
  await preserveAdmin(db, deletion.id, read?.usersUsage ?? null)
  try {
    await removeAdmin(work, account)
  } catch (error) {
    if (!isLedgerError(error, 'panel_forbidden')) throw error
    await finishDeletion(db, deletion.id, { state: 'incomplete', error })
    return true
  }
  await closeDeletedAdmin(db, deletion, await drawAsked(db))
  return true
}

/**
 * Finds out, when a deletion is taken up again of which the panel may have been told, whether the admin is gone; then
 * ends it. An admin whose counter stands lower than at the final reading was created anew under the name, and is another.
 */
export async function finishIfDeleted({ db, panel }: ObserveAdmins, deletion: Deletion): Promise<boolean> {
  if (deletion.kind !== 'admin' || deletion.preserved_at === null || deletion.admin_id === null) return false
  const account = await findAccount(db, deletion.admin_id)
  if (!account) return false
  const named = await panel.admins({ username: account.username })
  const listed = named.find(({ username }) => username === account.username)
  const isAnother = (listed?.usersUsage ?? deletion.final_reading ?? 0n) < (deletion.final_reading ?? 0n)
  if (listed && !isAnother) return false
  await closeDeletedAdmin(db, deletion, await drawAsked(db))
  return true
}

async function removeAdmin({ panel }: ObserveAdmins, account: AccountRow): Promise<void> {
  try {
    await panel.deleteAdmin(account.username)
  } catch (error) {
    if (!isLedgerError(error) || error.code === 'panel_forbidden') throw error
    // Nobody knows whether the panel acted before it failed.
    const named = await panel.admins({ username: account.username })
    if (named.some(({ username }) => username === account.username)) {
      throw new LedgerError(error.code, `Admin ${account.username} was not deleted: ${error.message}`, {
        cause: error,
      })
    }
  }
}
