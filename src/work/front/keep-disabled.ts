import { isLedgerError } from '../../errors.ts'
import type { CallToJudge } from '../../panel/panel-api.ts'
import { keepAllDisabled, keepDisabled } from '../../store/holds/held-users.ts'
import type { FrontWork } from './front-request.ts'

/**
 * Has held users that a caller has disabled, one or all of an admin, stay so when the hold ends. Where the ledger's database does
 * not answer, the caller gets the panel's answer all the same: the panel has acted.
 *
 * @param status of the panel's answer.
 */
export async function keepIfDisabled(
  { db, panel, api, log }: Pick<FrontWork, 'db' | 'panel' | 'api' | 'log'>,
  call: CallToJudge,
  status: number,
): Promise<void> {
  const disabled = status === 200 ? api.disabledBy(call) : null
  if (disabled === null) return
  try {
    if ('user' in disabled) await keepDisabled(db, disabled.user)
    else await keepAllDisabled(db, await nameOf(panel, disabled.usersOf))
  } catch (error) {
    if (!isLedgerError(error)) throw error
    const fields = { code: error.code, ...disabled }
    log.error(fields, 'users were disabled, but they are enabled again if a hold of their admin ends')
  }
}

/** The name of the admin that the panel means: on MySQL it takes other spellings for the same. */
async function nameOf(panel: FrontWork['panel'], asked: string): Promise<string> {
  try {
    const { meant } = await panel.adminNamed(asked)
    return meant?.username ?? asked
  } catch (error) {
    if (isLedgerError(error)) return asked
    throw error
  }
}
