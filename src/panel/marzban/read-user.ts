import { isLedgerError, LedgerError } from '../../errors.ts'
import type { PanelUser, UnreadableUser } from '../panel.ts'
import { describeRequest, type PanelRequest } from '../transport/transport.ts'
import type { AuthorisedCalls } from './authorised-call.ts'
import { creationOf, toUser } from './decode.ts'
import { Odd } from './odd-values.ts'
import { panelTreatsAsSame } from './same-name.ts'
import { callerAnswer, userAnswer } from './schemas.ts'
import { texts } from './texts.ts'

/** A question about one user; `token`: asked with its rights, or undefined: with those of the configured account. */
export type Question = {
  calls: AuthorisedCalls
  username: string
  request: PanelRequest
  token: string | undefined
}

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

/** As {@link readUser}; of a user that cannot be counted, it returns what can be read. */
export async function lookAtUser(question: Question): Promise<PanelUser | UnreadableUser | null> {
  try {
    const found = await findUser(question)
    return found && decode(question.username, found.valid, found.date)
  } catch (error) {
    if (isLedgerError(error, 'user_unreadable')) return { unreadable: error, createdAt: null }
    throw error
  }
}

/**
 * The panel's answer about a user; null when the panel itself says that there is none.
 *
 * @throws `user_unreadable` when the panel fails at this user only.
 */
export async function findUser(question: Question) {
  const found = await findOnce(question)
  if (found === null || panelTreatsAsSame(found.valid.username, question.username)) return found
  // Whoever answered so, to believe it could delete that other user.
  throw new LedgerError(
    'panel_bad_answer',
    `The answer to ${describeRequest(question.request)} is about another user. Does a proxy in front of the panel mix up answers?`,
  )
}

async function findOnce({ calls, username, request, token }: Question) {
  const find = () => calls.find(texts.noSuchUser, request, userAnswer, token)
  try {
    // One answer that is cut off may be an accident, so ask again. After a 500 the client has asked again already.
    return await find().catch((error: unknown) => (isCutOff(error) ? find() : Promise.reject(error)))
  } catch (error) {
    if (!isLedgerError(error) || !error.unusable) throw error
    throw await blame(calls, username, token, error)
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

/** Blames the user when the panel answers another question well, otherwise the panel. */
async function blame(
  calls: AuthorisedCalls,
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
    error.code === 'panel_failed' ? 'the panel answers 500 each time' : 'its answer is too large, or cut off'
  return userUnreadable(username, reason, error)
}

/**
 * The error for a user that cannot be counted: why, and what helps.
 *
 * @param reason what is wrong with it; repeats no value.
 */
export function userUnreadable(username: string, reason: string, cause: unknown): LedgerError {
  const name = username.length > 100 ? `${username.slice(0, 100).toWellFormed()}...` : username
  return new LedgerError(
    'user_unreadable',
    `User ${name} cannot be counted: ${reason}. Repair the user in the panel; or a sudo admin deletes it with ` +
      'preserve_traffic=false. Then only the traffic that was counted before is kept.',
    { cause },
  )
}
