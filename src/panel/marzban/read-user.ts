import { isLedgerError, LedgerError } from '../../errors.ts'
import type { PanelUser, UnreadableUser } from '../panel.ts'
import type { PanelRequest } from '../transport/transport.ts'
import type { Calls } from './authorised-call.ts'
import { creationOf, toUser } from './decode.ts'
import { Odd } from './odd-values.ts'
import { callerAnswer, userAnswer } from './schemas.ts'
import { texts } from './texts.ts'

type Question = { calls: Calls; username: string; request: PanelRequest; token: string | undefined }

/**
 * One user by name; null when the panel itself says that there is none.
 *
 * @throws `user_unreadable`: see `PanelClient.user`.
 */
export async function readUser(question: Question): Promise<PanelUser | null> {
  const look = await lookAtUser(question)
  if (look !== null && 'unreadable' in look) throw look.unreadable
  return look
}

/** {@link readUser}, that says of a user that cannot be counted what can be read of it. */
export async function lookAtUser(question: Question): Promise<PanelUser | UnreadableUser | null> {
  const { calls, username, request, token } = question
  const find = () => calls.find(texts.noSuchUser, request, userAnswer, token)
  try {
    // Cut off once may be an accident. A 500 has been asked again already.
    const found = await find().catch((error: unknown) => (isCutOff(error) ? find() : Promise.reject(error)))
    return found && decode(username, found.valid, found.date)
  } catch (error) {
    if (!isLedgerError(error) || !error.unusable) throw error
    const blamed = await blame(calls, username, token, error)
    if (blamed.code === 'user_unreadable') return { unreadable: blamed, createdAt: null }
    throw blamed
  }
}

function decode(
  username: string,
  answer: Parameters<typeof toUser>[0],
  toldAt: number | null,
): PanelUser | UnreadableUser {
  try {
    return toUser(answer, toldAt)
  } catch (error) {
    if (!(error instanceof Odd)) throw error
    return { unreadable: userUnreadable(username, error.message, error), createdAt: creationOf(answer) }
  }
}

function isCutOff(error: unknown): boolean {
  return isLedgerError(error, 'panel_bad_answer') && error.unusable
}

/** The user, when the panel answers another question well; otherwise the panel. */
async function blame(
  calls: Calls,
  username: string,
  token: string | undefined,
  error: LedgerError,
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
