import type { ForwardedAnswer } from '../../panel/types.ts'
import { findOpenAccount } from '../../store/account-list.ts'
import { closeAccount } from '../../store/admins.ts'
import { drawAnswered, drawAsked } from '../../store/clock.ts'
import { transact } from '../../store/transact.ts'
import { readAdmin } from '../observe-admins.ts'
import { scanAdmin } from '../scan-admin.ts'
import { type FrontCaller, type FrontRequest, type FrontWork, forward, learn } from './front-request.ts'
import { readEveryone } from './reset-users.ts'

/** `POST /api/admin/usage/reset/{username}`: the admin's counter is read right before and right after. */
export async function resetUsageThroughFront(
  work: FrontWork,
  username: string,
  request: FrontRequest,
): Promise<ForwardedAnswer> {
  await readAdmin(work, { username })
  const answer = await forward(work, request)
  await learn(work, `the reset of admin ${username}`, () => readAdmin(work, { username }))
  return answer
}

/**
 * `DELETE /api/admin/{username}`: all its users and its counter are read first. The panel leaves the users without an
 * owner, so that from then on nobody is charged for them; the account is closed and stays.
 */
export async function deleteAdminThroughFront(
  work: FrontWork,
  username: string,
  { token }: FrontCaller,
  request: FrontRequest,
): Promise<ForwardedAnswer> {
  await readEveryone(work, { admin: username, token }, request.gone)
  await readAdmin(work, { username })
  const answer = await forward(work, request)
  if (answer.status === 200) {
    await learn(work, `the deletion of admin ${username}`, () => closeDeleted(work, username))
  }
  return answer
}

async function closeDeleted(work: FrontWork, username: string): Promise<void> {
  const { db } = work
  const gone = await drawAsked(db)
  const account = await findOpenAccount(db, username)
  if (!account) return
  const quietly = { ...work, rest: async () => {}, signal: new AbortController().signal }
  const due = { adminId: account.id, username, panelReading: null, usersTotal: null }
  // Each of its users is asked for by name, and found without an owner.
  await scanAdmin(quietly, due, async () => {})
  await transact(db, async (tx) => {
    const answered = await drawAnswered(tx)
    await closeAccount(tx, account.id, { asked: gone.tick, answered: answered.tick }, answered.at)
  })
}
