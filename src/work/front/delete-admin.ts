import type { ForwardedAnswer, PanelAdmin } from '../../panel/panel.ts'
import { findOpenAccount } from '../../store/accounts/queries.ts'
import { auditName } from '../callers/caller.ts'
import { runAdminDeletion } from '../deleting/admin-deletion.ts'
import { mustReadAdmin } from '../observing/observe-admins.ts'
import { answerAfterDeletion, type ForwardedReply, forwardDeletion } from './forward-deletion.ts'
import type { FrontCaller, FrontRequest, FrontWork } from './front-request.ts'
import { readAllUsers } from './read-all-users.ts'

/**
 * The deletion of an admin: all its users and its counter are read first. The panel leaves the users without an owner; the
 * account is closed and stays. A name is passed on only if the panel lists it, or can take it for one that it lists.
 */
export async function deleteAdminThroughFront(
  work: FrontWork,
  username: string,
  caller: FrontCaller,
  request: FrontRequest,
): Promise<ForwardedAnswer> {
  const { meant: admin } = await work.panel.adminNamed(username)
  if (!admin) return work.api.noSuchAdmin
  if (admin.isSudo) return work.api.sudoAdminStays
  await readAllUsers(work, { purpose: 'delete_admin', admin: admin.username, token: caller.token }, request)
  // Its account may not be open yet.
  await mustReadAdmin(work, admin.username)
  const account = await findOpenAccount(work.db, admin.username)
  if (!account) return work.api.noSuchAdmin
  const deletion = {
    adminId: account.id,
    username: admin.username,
    requestedBy: auditName(caller),
    receipt: null,
  }
  const ending = await runAdminDeletion(work, deletion, () => send(work, username, admin, request))
  if (ending.kind === 'declined') throw ending.error
  return answerAfterDeletion(work, `Admin ${admin.username}`, ending)
}

/** If the panel has no admin of another spelling, that says nothing about this admin. */
async function send(
  work: FrontWork,
  asked: string,
  { username }: PanelAdmin,
  request: FrontRequest,
): Promise<ForwardedReply> {
  const reply = await forwardDeletion(work, request, 'admin')
  return reply.verdict === 'missing' && asked !== username ? { ...reply, verdict: 'refused' } : reply
}
