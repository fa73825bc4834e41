import { LedgerError } from '../../errors.ts'
import type { ForwardedAnswer } from '../../panel/types.ts'
import { findOpenAccount } from '../../store/account-list.ts'
import { drawAnswered, drawAsked } from '../../store/clock.ts'
import { beginRound, finishRound, reportRound } from '../../store/scan-round.ts'
import { anchorAtZero } from '../../store/tenures.ts'
import { transact } from '../../store/transact.ts'
import { readUsers } from '../read-users.ts'
import { createScanLog } from '../scan-log.ts'
import { observeUser } from './change-user.ts'
import { type FrontCaller, type FrontRequest, type FrontWork, forward, learn } from './front-request.ts'

/**
 * `POST /api/users/reset`: every user whose counter falls to zero is read first, page by page, which takes as long as
 * the panel takes to list them. An admin that the panel lists resets its own users; the sudo account of the panel's
 * environment, which is in no list, those of all.
 *
 * @param caller who asks.
 */
export async function resetUsersThroughFront(
  work: FrontWork,
  { name: username, token }: FrontCaller,
  request: FrontRequest,
): Promise<ForwardedAnswer> {
  const listed = await work.panel.admins({ username })
  const isListed = listed.some((admin) => admin.username === username)
  const { tick: since } = await drawAsked(work.db)
  await readEveryone(work, { token, ...(isListed && { admin: username }) }, request.gone)
  const { tick: until } = await drawAsked(work.db)
  const answer = await forward(work, request)
  if (answer.status === 200) {
    await learn(work, 'the reset of all users', () =>
      restart(work, isListed ? username : null, { since, until }),
    )
  }
  return answer
}

/** The counter of each user that was read begins anew at zero. */
async function restart(
  { db }: FrontWork,
  username: string | null,
  read: { since: bigint; until: bigint },
): Promise<void> {
  const account = username === null ? null : await findOpenAccount(db, username)
  // An admin without an account has no users that were read.
  if (username !== null && account === null) return
  await transact(db, async (tx) => {
    const { tick: answered } = await drawAnswered(tx)
    await anchorAtZero(tx, account?.id ?? null, read, answered)
  })
}

/**
 * Reads all users that `filter` names, each with a reading that is accepted; shows its progress in the log and in
 * `GET /sync`.
 *
 * @throws `invalid_request` when the caller goes away meanwhile.
 */
export async function readEveryone(
  work: FrontWork,
  filter: { admin?: string; token: string },
  gone: AbortSignal,
): Promise<void> {
  const { db } = work
  const log = createScanLog(work.log, work.now)
  const reading = { ...work, rest: async () => {}, signal: gone }
  const onDropped = async (usernames: string[]) => {
    for (const username of usernames) await observeUser(work, username, filter.token)
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
