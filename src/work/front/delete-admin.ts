import { noSuchAdmin, noSudoAdmins } from '../../panel/marzban/deletion-forms.ts'
import type { ForwardedAnswer, PanelAdmin } from '../../panel/panel.ts'
import { findOpenAccount } from '../../store/accounts/queries.ts'
import { auditName } from '../callers/caller.ts'
import { runAdminDeletion } from '../deleting/admin-deletion.ts'
import { mustReadAdmin } from '../observing/observe-admins.ts'
import { answerTo, type ForwardedReply, forwardDeletion } from './forward-deletion.ts'
import type { FrontCaller, FrontRequest, FrontWork } from './front-request.ts'
import { findListed } from './listed-admins.ts'
import { readEveryone } from './read-everyone.ts'

/**
 * `DELETE /api/admin/{username}`: all its users and its counter are read first. The panel leaves the users without an
 * owner; the account is closed and stays. A name that the panel does not list, and cannot take for one that it lists, is
 * not passed on.
 */
export async function deleteAdminThroughFront(
  work: FrontWork,
  username: string,
  caller: FrontCaller,
  request: FrontRequest,
): Promise<ForwardedAnswer> {
  const admin = await find(work, username)
  if (!admin) return noSuchAdmin
  if (admin.isSudo) return noSudoAdmins
  await readEveryone(work, { purpose: 'delete_admin', admin: admin.username, token: caller.token }, request)
  // Its account may not be open yet.
  await mustReadAdmin(work, admin.username)
  const account = await findOpenAccount(work.db, admin.username)
  if (!account) return noSuchAdmin
  const deletion = {
    adminId: account.id,
    username: admin.username,
    requestedBy: auditName(caller),
    receipt: null,
  }
  const ending = await runAdminDeletion(work, deletion, () => send(work, username, admin, request))
  if (ending.kind === 'declined') throw ending.error
  return answerTo(work, `Admin ${admin.username}`, ending)
}

/** The admin that the panel means by this name: on MySQL also one that differs in case, accents or spaces at the end. */
async function find({ panel }: FrontWork, username: string): Promise<PanelAdmin | null> {
  const { exact, same } = await findListed(panel, username)
  // A panel that lists several such names tells them apart, and has none of this one.
  return exact ?? (same.length === 1 ? (same[0] ?? null) : null)
}

/** That the panel has none of another spelling says nothing about this admin. */
async function send(
  work: FrontWork,
  asked: string,
  { username }: PanelAdmin,
  request: FrontRequest,
): Promise<ForwardedReply> {
  const reply = await forwardDeletion(work, request, 'admin')
  return reply.verdict === 'missing' && asked !== username ? { ...reply, verdict: 'refused' } : reply
}
