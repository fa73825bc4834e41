import { isLedgerError } from '../../errors.ts'
import type { CallToJudge } from '../../panel/panel-api.ts'
import { keepDisabled } from '../../store/holds/held-users.ts'
import type { FrontWork } from './front-request.ts'

/**
 * Has a held user that a caller has disabled stay so when the hold ends. Where the ledger's database does not answer, the caller
 * gets the panel's answer all the same: the panel has acted.
 *
 * @param status of the panel's answer.
 */
export async function keepIfDisabled(
  { db, api, log }: Pick<FrontWork, 'db' | 'api' | 'log'>,
  call: CallToJudge,
  status: number,
): Promise<void> {
  const username = status === 200 ? api.disabledUserOf(call) : null
  if (username === null) return
  try {
    await keepDisabled(db, username)
  } catch (error) {
    if (!isLedgerError(error)) throw error
    const fields = { code: error.code, user: username }
    log.error(fields, 'a user was disabled, but it is enabled again if a hold of its admin ends')
  }
}
