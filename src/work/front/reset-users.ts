import { isLedgerError } from '../../errors.ts'
import type { ForwardedAnswer } from '../../panel/panel.ts'
import type { PanelApi } from '../../panel/panel-api.ts'
import { lockAccounts } from '../../store/accounts/accounts.ts'
import { findOpenAccount } from '../../store/accounts/queries.ts'
import { readPanelPoll } from '../../store/collecting/panel-poll.ts'
import { requestScans } from '../../store/collecting/scans.ts'
import { type Asked, drawAnswered, drawAsked } from '../../store/connection/logical-clock.ts'
import { transact } from '../../store/connection/transact.ts'
import { lockReadBetween, markReset } from '../../store/tenures/tenures.ts'
import {
  type FrontCaller,
  type FrontRequest,
  type FrontWork,
  forward,
  recordOutcome,
} from './front-request.ts'
import { readAllUsers } from './read-all-users.ts'

/** An hour: the panel resets one user after the other, some milliseconds each, and answers at the end. */
const answerTimeoutMs = 60 * 60_000
const what = 'the reset of all users'

/** The users that a reset concerns: the caller's own, or all; `unclear`: only the next readings can tell. */
type ResetScope = 'own' | 'all' | 'unclear'

/** A forwarded reset. `begun` and `asked` are the ticks before the first reading and before the reset. */
type Reset = { username: string; scope: ResetScope; begun: Asked; asked: Asked }

/**
 * The reset of all users: every user whose counter falls to zero is read first, page by page. That takes as long as the panel
 * needs to list them.
 */
export async function resetUsersThroughFront(
  work: FrontWork,
  { name: username, token }: FrontCaller,
  request: FrontRequest,
): Promise<ForwardedAnswer> {
  const scope = await resetScopeOf(work, username)
  const reading = { purpose: 'reset_users', token, ...(scope === 'own' && { admin: username }) } as const
  const begun = await readAllUsers(work, reading, request)
  const reset = { username, scope, begun, asked: await drawAsked(work.db) }
  const patient = { ...request, request: { ...request.request, answerTimeoutMs } }
  // Nothing is forwarded for a caller that has left.
  let outcome: ReturnType<PanelApi['judgeReset']> = request.gone.aborted ? 'refused' : 'unclear'
  try {
    const answer = await forward(work, patient)
    outcome = work.api.judgeReset(answer)
    return answer
  } finally {
    if (outcome === 'done') await recordOutcome(work, what, () => recordReset(work, reset))
    // The next readings show which counters have fallen.
    if (outcome === 'unclear') await recordOutcome(work, what, () => requestScans(work.db))
  }
}

/**
 * The users that a reset by this caller concerns. A listed admin resets its own. The sudo account of the panel's environment
 * is in no list and resets all. A panel on MySQL takes names that differ only in case or accents for the same: there only the
 * next readings show which counters fell.
 */
async function resetScopeOf({ panel }: FrontWork, username: string): Promise<ResetScope> {
  const { exact, same } = await panel.adminNamed(username)
  if (exact) return 'own'
  return same.length > 0 ? 'unclear' : 'all'
}

/**
 * Notes for each user that was read that the panel has reset its counter. It checks the scope again: if an admin of the
 * caller's name has appeared meanwhile, the panel has reset only the users of that admin.
 */
async function recordReset(work: FrontWork, reset: Reset): Promise<void> {
  const { db } = work
  const isKnown = reset.scope !== 'unclear' && (await isScopeUnchanged(work, reset))
  if (isKnown) await markUsersReset(work, reset)
  // A user that soon consumes more than ever before hides its reset. The admin's counter then has the bytes; if the panel
  // has no such counters, all users are read before that can happen.
  const { hasAdminUsage } = await readPanelPoll(db)
  if (!isKnown || !hasAdminUsage) await requestScans(db)
}

async function isScopeUnchanged(work: FrontWork, { username, scope }: Reset): Promise<boolean> {
  try {
    return (await resetScopeOf(work, username)) === scope
  } catch (error) {
    if (isLedgerError(error)) return false
    throw error
  }
}

async function markUsersReset({ db }: FrontWork, { username, scope, begun, asked }: Reset): Promise<void> {
  const account = scope === 'own' ? await findOpenAccount(db, username) : null
  // An admin without an account has no users that were read.
  if (scope === 'own' && account === null) return
  await transact(db, async (tx) => {
    const read = { adminId: account?.id ?? null, since: begun.tick, asked: asked.tick }
    await lockAccounts(tx, await lockReadBetween(tx, read))
    const { tick: answered } = await drawAnswered(tx)
    await markReset(tx, read, answered)
  })
}
