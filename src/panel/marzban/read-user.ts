import { LedgerError } from '../../errors.ts'
import type { PanelUser } from '../panel.ts'
import type { PanelRequest } from '../transport/transport.ts'
import { UnusableAnswer } from '../transport/unusable-answer.ts'
import type { Calls } from './authorised-call.ts'
import { toUser } from './decode.ts'
import { Odd } from './odd-values.ts'
import { callerAnswer, userAnswer } from './schemas.ts'

/**
 * One user by name; null when the panel itself says that there is none.
 *
 * @throws `user_unreadable`: see `PanelClient.user`.
 */
export async function readUser(
  calls: Calls,
  username: string,
  request: PanelRequest,
  token: string | undefined,
): Promise<PanelUser | null> {
  const find = async (): Promise<PanelUser | null> => {
    const found = await calls.find('User not found', request, userAnswer, token)
    return found && toUser(found.valid, found.date)
  }
  try {
    // Cut off once may be an accident. A 500 has been asked again already.
    return await find().catch((error: unknown) => (isCutOff(error) ? find() : Promise.reject(error)))
  } catch (error) {
    if (error instanceof Odd) throw userUnreadable(username, error.message, error)
    throw error instanceof UnusableAnswer ? await blame(calls, username, token, error) : error
  }
}

function isCutOff(error: unknown): boolean {
  return error instanceof UnusableAnswer && error.code === 'panel_bad_answer'
}

/** The user, when the panel answers another question well; otherwise the panel. */
async function blame(
  calls: Calls,
  username: string,
  token: string | undefined,
  error: UnusableAnswer,
): Promise<LedgerError> {
  try {
    await calls.ask({ method: 'GET', path: '/api/admin' }, callerAnswer, token)
  } catch {
    return error
  }
  const reason =
    error.code === 'panel_failed'
      ? 'the panel answers 500 whenever it is asked'
      : 'its answer is too large, or cut off'
  return userUnreadable(username, reason, error)
}

/**
 * Why a user cannot be counted, and what can be done.
 *
 * @param reason what is wrong with it; repeats no value.
 */
export function userUnreadable(username: string, reason: string, cause: unknown): LedgerError {
  const name = username.length > 100 ? `${username.slice(0, 100).toWellFormed()}...` : username
  return new LedgerError(
    'user_unreadable',
    `The panel's answer about user ${name} cannot be counted: ${reason}. Mend the user in the panel; or a sudo admin ` +
      'deletes it with preserve_traffic=false, which keeps what was counted before.',
    { cause },
  )
}
