import { LedgerError } from '../../errors.ts'
import type { CallEffect, CallToJudge } from '../../panel/panel-api.ts'
import { type FrontWork, identify } from './front-request.ts'
import { noticeText } from './hold-notice.ts'

/** What an admin may do while it is held: by exclusion, since whatever else a panel can do may give users traffic. */
const allowed: ReadonlySet<CallEffect> = new Set(['read', 'log in', 'delete', 'disable', 'annotate'])

/**
 * Refuses a call of an admin that is held, unless it can give nobody traffic. Everybody else passes, and whom the panel does
 * not know, it refuses itself. Ask this when the whole call is received, right before it is sent: a hold counts at once.
 *
 * @param token the caller's token of the panel; null: none.
 * @throws `forbidden`: the admin is held. `unauthenticated`: what was sent as a token could never be shown to the panel by
 *   itself, so nobody knows whose it is. `database_unavailable` and the panel's errors when nobody can tell whether the
 *   caller is held: nothing is sent then.
 */
export async function refuseIfHeld(
  work: Pick<FrontWork, 'callers' | 'api' | 'holdOf'>,
  call: CallToJudge,
  token: string | null,
): Promise<void> {
  // Without a token the panel does nothing for anybody.
  if (token === null || allowed.has(work.api.effectOf(call))) return
  // A guarded call is never sent for a caller whom nobody knows.
  if (!work.api.canBeToken(token) && !work.api.guardedCallOf(call.method, call.path)) {
    throw new LedgerError('unauthenticated', 'This is not a token of the panel; log in again.')
  }
  const caller = await identify(work, { token })
  if (!caller || caller.isSudo || caller.adminId === null) return
  const notice = await work.holdOf(caller.adminId)
  if (notice) throw new LedgerError('forbidden', noticeText(notice))
}
