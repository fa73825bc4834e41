import { LedgerError } from '../../errors.ts'
import { areAlike } from '../../panel/alike.ts'
import type { ForwardedAnswer } from '../../panel/types.ts'
import { findOpenAccount } from '../../store/account-list.ts'
import { type Asked, drawAnswered, drawAsked } from '../../store/clock.ts'
import { beginRound, finishRound, reportRound } from '../../store/scan-round.ts'
import { requestScans } from '../../store/scans.ts'
import { anchorAtZero } from '../../store/tenures.ts'
import { transact } from '../../store/transact.ts'
import { readUsers } from '../read-users.ts'
import { createScanLog } from '../scan-log.ts'
import { observeUser } from './change-user.ts'
import {
  type FrontCaller,
  type FrontRequest,
  type FrontWork,
  forward,
  hasRefused,
  learn,
} from './front-request.ts'

/** An hour: the panel sets back one user after the other, some milliseconds each, and answers when it is done. */
const answerTimeoutMs = 60 * 60_000
const what = 'the reset of all users'

/**
 * `POST /api/users/reset`: every user whose counter falls to zero is read first, page by page, which takes as long as
 * the panel takes to list them.
 *
 * @param caller who asks.
 */
export async function resetUsersThroughFront(
  work: FrontWork,
  { name: username, token }: FrontCaller,
  request: FrontRequest,
): Promise<ForwardedAnswer> {
  const whose = await whoseUsers(work, username)
  const begun = await readEveryone(work, { token, ...(whose === 'own' && { admin: username }) }, request.gone)
  const asked = await drawAsked(work.db)
  const patient = { ...request, request: { ...request.request, answerTimeoutMs } }
  let isKnown = request.gone.aborted
  try {
    const answer = await forward(work, patient)
    isKnown = hasRefused(answer)
    if (answer.status === 200 && whose !== 'unclear') {
      isKnown = true
      const owner = whose === 'own' ? username : null
      await learn(work, what, () => restart(work, owner, begun, asked))
    }
    return answer
  } finally {
    // Whose counters have fallen shows when they are read.
    if (!isKnown) await learn(work, what, () => requestScans(work.db))
  }
}

/**
 * Whose users a reset by this caller sets back: an admin that the panel lists resets its own; the sudo account of the
 * panel's environment, which is in no list, those of all. On MySQL a panel takes names that differ in case or accents
 * alone for the same: there only the next readings tell whose counters fell.
 */
async function whoseUsers({ panel }: FrontWork, username: string): Promise<'own' | 'all' | 'unclear'> {
  const listed = await panel.admins({ username })
  if (listed.some((admin) => admin.username === username)) return 'own'
  return listed.some((admin) => areAlike(admin.username, username)) ? 'unclear' : 'all'
}

/** Each counter that was read since `begun` begins anew at zero. */
async function restart({ db }: FrontWork, owner: string | null, begun: Asked, asked: Asked): Promise<void> {
  const account = owner === null ? null : await findOpenAccount(db, owner)
  // An admin without an account has no users that were read.
  if (owner !== null && account === null) return
  await transact(db, async (tx) => {
    const { tick: answered } = await drawAnswered(tx)
    await anchorAtZero(tx, account?.id ?? null, { since: begun.tick, asked: asked.tick, answered })
  })
}

/**
 * Reads all users that `filter` names, each with a reading that is accepted; shows its progress in the log and in
 * `GET /sync`.
 *
 * @returns the tick drawn before the first was read.
 * @throws `invalid_request` when the caller goes away meanwhile.
 */
export async function readEveryone(
  work: FrontWork,
  filter: { admin?: string; token: string },
  gone: AbortSignal,
): Promise<Asked> {
  const { db } = work
  const log = createScanLog(work.log, work.now)
  const reading = { ...work, rest: async () => {}, signal: gone }
  const onDropped = async (usernames: string[]) => {
    for (const username of usernames) await observeUser(work, username, filter.token)
  }
  const begun = await drawAsked(db)
  await beginRound(db)
  try {
    await readUsers(reading, { ...filter, onDropped }, async ({ done, total }) => {
      const progress = { adminsDone: 0, adminsTotal: 1, usersDone: done, usersTotal: total }
      await reportRound(db, progress)
      log({ ...progress, adminsDone: done === total ? 1 : 0, admin: filter.admin ?? '' })
    })
    return begun
  } catch (error) {
    if (!gone.aborted) throw error
    throw new LedgerError('invalid_request', 'The caller has gone; nothing was forwarded to the panel.')
  } finally {
    await finishRound(db)
  }
}
