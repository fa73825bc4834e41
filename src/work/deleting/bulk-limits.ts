import { LedgerError } from '../../errors.ts'
import type { BulkLoad } from '../../store/deletions/bulk-admission.ts'

/** The most open bulk deletions of a caller, and the most users in them. */
const limits = {
  admin: { bulks: 10, users: 20_000 },
  sudo: { bulks: 100, users: 200_000 },
} as const
/** The most foreign names that an admin may send within an hour: each costs a receipt. */
const refusedAtMost = 10_000
/** About how many users the panel deletes in a second. It sets the time to wait after a refusal. */
const usersASecond = 10

/**
 * Refuses another bulk deletion of a caller that has enough open. The first one may have any number of users.
 *
 * @param asked the users to delete, and the refused names, of the new deletion.
 * @throws `rate_limited`, with the figures and the time to wait.
 */
export function refuseTooMuch(
  isSudo: boolean,
  load: BulkLoad,
  asked: { users: number; refused: number },
): void {
  const most = isSudo ? limits.sudo : limits.admin
  const retryAfter = Math.min(600, Math.max(5, Math.ceil(load.users / usersASecond)))
  if (load.bulks >= most.bulks) {
    throw new LedgerError(
      'rate_limited',
      `You have ${load.bulks} bulk deletions open, and may have ${most.bulks}: wait until one has ended, or cancel one.`,
      { retryAfter },
    )
  }
  if (load.bulks > 0 && load.users + asked.users > most.users) {
    throw new LedgerError(
      'rate_limited',
      `Your open bulk deletions still have ${load.users} users to delete; with these ${asked.users} they would have more ` +
        `than ${most.users}: wait until they have ended, or cancel one.`,
      { retryAfter },
    )
  }
  if (load.refused > 0 && asked.refused > 0 && load.refused + asked.refused > refusedAtMost) {
    throw new LedgerError(
      'rate_limited',
      `Within an hour you have named ${load.refused} users that are not yours, and may name ${refusedAtMost}; these are ` +
        `${asked.refused} more.`,
      { retryAfter: 600 },
    )
  }
}
