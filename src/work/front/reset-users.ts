import { LedgerError } from '../../errors.ts'
import type { ForwardedAnswer } from '../../panel/types.ts'
import { beginRound, finishRound, reportRound } from '../../store/scan-round.ts'
import { readUsers } from '../read-users.ts'
import { createScanLog } from '../scan-log.ts'
import { observeUser } from './change-user.ts'
import { type FrontRequest, type FrontWork, forward, identifySudo, learn } from './front-request.ts'

/**
 * `POST /api/users/reset`: every user whose counter falls to zero is read right before and right after, page by page,
 * which takes as long as the panel takes to list them twice. An admin of the panel's database resets its own users, the sudo account of the panel's
 * environment those of all.
 */
export async function resetUsersThroughFront(
  work: FrontWork,
  request: FrontRequest,
): Promise<ForwardedAnswer> {
  const caller = await identifySudo(work, request)
  if ('refusal' in caller) return caller.refusal
  const { username, usersUsage } = await work.panel.whoami(caller.token)
  const filter = usersUsage === null ? {} : { admin: username }
  await readEveryone(work, filter, request.gone)
  const answer = await forward(work, request)
  // Each begins anew at what it has consumed since: the sooner it is read, the less that is.
  const never = new AbortController().signal
  await learn(work, 'the reset of all users', () => readEveryone(work, filter, never))
  return answer
}

/**
 * Reads all users that `filter` names, each with a reading that is accepted; shows its progress in the log and in
 * `GET /sync`.
 *
 * @throws `invalid_request` when the caller goes away meanwhile.
 */
export async function readEveryone(
  work: FrontWork,
  filter: { admin?: string },
  gone: AbortSignal,
): Promise<void> {
  const { db } = work
  const log = createScanLog(work.log, work.now)
  const reading = { ...work, rest: async () => {}, signal: gone }
  const onDropped = async (usernames: string[]) => {
    for (const username of usernames) await observeUser(work, username)
  }
  await beginRound(db)
  try {
    await readUsers(reading, { ...filter, onDropped }, async ({ done, total }) => {
      const progress = { adminsDone: 0, adminsTotal: 1, usersDone: done, usersTotal: total }
      await reportRound(db, progress)
      log({ ...progress, adminsDone: done === total ? 1 : 0, admin: filter.admin ?? '' })
    })
  } catch (error) {
    if (!gone.aborted) throw error
    throw new LedgerError('invalid_request', 'The caller has gone; nothing was forwarded to the panel.')
  } finally {
    await finishRound(db)
  }
}
