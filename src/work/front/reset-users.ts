import { isLedgerError } from '../../errors.ts'
import type { ForwardedAnswer, PanelApi } from '../../panel/panel.ts'
import { findOpenAccount } from '../../store/accounts/queries.ts'
import { readPanelPoll } from '../../store/collecting/panel-poll.ts'
import { requestScans } from '../../store/collecting/scans.ts'
import { type Asked, drawAnswered, drawAsked } from '../../store/connection/logical-clock.ts'
import { transact } from '../../store/connection/transact.ts'
import { markReset } from '../../store/tenures/tenures.ts'
import { type FrontCaller, type FrontRequest, type FrontWork, forward, learn } from './front-request.ts'
import { readEveryone } from './read-everyone.ts'

/** An hour: the panel sets back one user after the other, some milliseconds each, and answers when it is done. */
const answerTimeoutMs = 60 * 60_000
const what = 'the reset of all users'

/** Whose users a reset sets back; `unclear`: nobody but the next readings can tell. */
type Whose = 'own' | 'all' | 'unclear'

/** A reset that has been forwarded. `begun` and `asked` are the ticks before the first reading and before the reset. */
type Reset = { username: string; whose: Whose; begun: Asked; asked: Asked }

/**
 * The reset of all users: every user whose counter falls to zero is read first, page by page, which takes as long as
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
  const whom = { purpose: 'reset_users', token, ...(whose === 'own' && { admin: username }) } as const
  const begun = await readEveryone(work, whom, request)
  const reset = { username, whose, begun, asked: await drawAsked(work.db) }
  const patient = { ...request, request: { ...request.request, answerTimeoutMs } }
  // Nothing is forwarded for a caller who has gone.
  let outcome: ReturnType<PanelApi['judgeReset']> = request.gone.aborted ? 'refused' : 'unclear'
  try {
    const answer = await forward(work, patient)
    outcome = work.api.judgeReset(answer)
    return answer
  } finally {
    if (outcome === 'done') await learn(work, what, () => noteDone(work, reset))
    // Whose counters have fallen shows when they are read.
    if (outcome === 'unclear') await learn(work, what, () => requestScans(work.db))
  }
}

/**
 * Whose users a reset by this caller sets back: an admin that the panel lists resets its own; the sudo account of the
 * panel's environment, which is in no list, those of all. On MySQL a panel takes names that differ in case or accents
 * alone for the same: there only the next readings tell whose counters fell.
 */
async function whoseUsers({ panel }: FrontWork, username: string): Promise<Whose> {
  const { exact, same } = await panel.adminNamed(username)
  if (exact) return 'own'
  return same.length > 0 ? 'unclear' : 'all'
}

/**
 * Notes for each user that was read what the panel says: that its counter has been set back. Whose counters those are is
 * asked again: an admin that appeared meanwhile under the caller's name makes the panel reset the users of that admin only.
 */
async function noteDone(work: FrontWork, reset: Reset): Promise<void> {
  const { db } = work
  const isKnown = reset.whose !== 'unclear' && (await isStill(work, reset))
  if (isKnown) await mark(work, reset)
  // A user that soon consumes more than ever before hides its reset. Where the panel counts admins, those counters have
  // the bytes; elsewhere everybody is read before it comes to that.
  const { hasAdminUsage: panelCountsAdmins } = await readPanelPoll(db)
  if (!isKnown || !panelCountsAdmins) await requestScans(db)
}

async function isStill(work: FrontWork, { username, whose }: Reset): Promise<boolean> {
  try {
    return (await whoseUsers(work, username)) === whose
  } catch (error) {
    if (isLedgerError(error)) return false
    throw error
  }
}

async function mark({ db }: FrontWork, { username, whose, begun, asked }: Reset): Promise<void> {
  const account = whose === 'own' ? await findOpenAccount(db, username) : null
  // An admin without an account has no users that were read.
  if (whose === 'own' && account === null) return
  await transact(db, async (tx) => {
    const { tick: answered } = await drawAnswered(tx)
    await markReset(tx, account?.id ?? null, { since: begun.tick, asked: asked.tick, answered })
  })
}
