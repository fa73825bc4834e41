import { isLedgerError, LedgerError } from '../../errors.ts'
import type { ForwardedAnswer } from '../../panel/types.ts'
import { findOpenAccount } from '../../store/account-list.ts'
import { drawAsked } from '../../store/clock.ts'
import { type Deletion, finishDeletion, insertAdminDeletion, updateDeletion } from '../../store/deletions.ts'
import { auditName } from '../callers.ts'
import { closeDeletedAdmin } from '../close-admin.ts'
import { mustReadAdmin } from '../observe-admins.ts'
import {
  type FrontCaller,
  type FrontRequest,
  type FrontWork,
  forward,
  hasRefused,
  learn,
} from './front-request.ts'
import { readEveryone } from './read-everyone.ts'

/** An admin that is being deleted, and its receipt. */
type Leaving = { username: string; receipt: Deletion }

/**
 * `DELETE /api/admin/{username}`: all its users and its counter are read first. The panel leaves the users without an
 * owner; the account is closed and stays.
 */
export async function deleteAdminThroughFront(
  work: FrontWork,
  username: string,
  caller: FrontCaller,
  request: FrontRequest,
): Promise<ForwardedAnswer> {
  await readEveryone(work, { purpose: 'delete_admin', admin: username, token: caller.token }, request)
  const leaving = await openReceipt(work, username, caller)
  // The panel does not have this admin, or does not let anybody delete it.
  if (!leaving) return forward(work, request)
  let answer: ForwardedAnswer
  try {
    answer = await forward(work, request)
  } catch (error) {
    if (!isLedgerError(error)) throw error
    throw await withoutAnswer(work, leaving, error)
  }
  await learn(work, `deletion ${leaving.receipt.id}`, () => settle(work, leaving, answer))
  return answer
}

async function openReceipt(work: FrontWork, username: string, caller: FrontCaller): Promise<Leaving | null> {
  const admin = await mustReadAdmin(work, username)
  const account = admin && (await findOpenAccount(work.db, admin.username))
  if (!account || admin.isSudo) return null
  const worker = await work.worker.id()
  const receipt = await insertAdminDeletion(work.db, {
    adminId: account.id,
    requestedBy: auditName(caller),
    worker,
  })
  return { username: admin.username, receipt }
}

async function settle(work: FrontWork, leaving: Leaving, answer: ForwardedAnswer): Promise<void> {
  const error = new LedgerError('panel_failed', `The panel answered ${answer.status} to the deletion.`)
  const isGone =
    answer.status === 200 || (!hasRefused(answer) && !(await isStillListed(work, leaving, error)))
  await finish(work, leaving, isGone ? null : error)
}

/** The panel has not answered: what became of the admin is asked, and the caller is told. */
async function withoutAnswer(work: FrontWork, leaving: Leaving, error: LedgerError): Promise<LedgerError> {
  const isThere = error.code === 'invalid_request' || (await isStillListed(work, leaving, error))
  await finish(work, leaving, isThere ? error : null)
  const message = isThere
    ? `Admin ${leaving.username} was not deleted: ${error.message}`
    : `Admin ${leaving.username} was deleted and its traffic is preserved, but: ${error.message}`
  return new LedgerError(error.code, message, { cause: error })
}

/** After an error nobody knows whether the panel acted: it is asked. While it does not say, the receipt stays open. */
async function isStillListed(
  { db, panel }: FrontWork,
  { username, receipt }: Leaving,
  error: LedgerError,
): Promise<boolean> {
  try {
    const listed = await panel.admins({ username })
    return listed.some((admin) => admin.username === username)
  } catch (failure) {
    if (!isLedgerError(failure)) throw failure
    const message = `Nobody knows yet whether admin ${username} was deleted (${error.message}); receipt ${receipt.id} will tell.`
    await updateDeletion(db, receipt.id, { error_code: error.code, error: message, worker: null })
    throw new LedgerError(error.code, message, { retryAfter: 5, cause: failure })
  }
}

/** @param error why the admin is still there; null: it is gone. */
async function finish({ db }: FrontWork, { receipt }: Leaving, error: LedgerError | null): Promise<void> {
  if (error) await finishDeletion(db, receipt.id, { state: 'failed', error })
  else await closeDeletedAdmin(db, receipt, await drawAsked(db))
}
