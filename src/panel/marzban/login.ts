import { LedgerError } from '../../errors.ts'
import type { PanelAddress } from '../transport/address.ts'
import { describeRequest, type PanelRequest, type Transport } from '../transport/transport.ts'
import { badAnswerError, detailOf, parseJson, refusalError } from './answer-errors.ts'
import { checkAnswer } from './check-answer.ts'
import { tokenAnswer } from './schemas.ts'
import type { LoginOutcome } from './session.ts'
import { isBearerToken } from './token.ts'

export type Credentials = { username: string; password: string }

/** The configured account, as messages name it. */
export const serviceAccount = 'the account of MARZBAN_USERNAME and MARZBAN_PASSWORD'

/**
 * Asks the panel for a token of the configured account, once.
 *
 * Every 4xx is a refusal: the panel, or a proxy before it, saw the credentials and refused them. No message repeats
 * anything of the answer, since an answer may repeat the form.
 */
export async function logIn(
  transport: Transport,
  address: PanelAddress,
  { username, password }: Credentials,
  signal: AbortSignal,
): Promise<LoginOutcome> {
  const request: PanelRequest = {
    method: 'POST',
    path: '/api/admin/token',
    form: { username, password },
    // The panel may close a kept-alive connection at this moment. Then the login would fail, and it is not repeated.
    freshConnection: true,
  }
  const answer = await transport.exchange(request, null, signal)
  if (answer.status >= 400 && answer.status < 500) {
    if (detailOf(answer) !== null && (answer.status === 401 || answer.status === 403)) {
      const message = `The panel refuses ${serviceAccount} (${answer.status}).`
      return { refusal: new LedgerError('panel_unauthorized', message) }
    }
    return { refusal: badAnswerError(address, request, answer) }
  }
  if (answer.status >= 300) {
    throw refusalError(address, request, answer, { who: serviceAccount, bearer: password })
  }
  const json = answer.status === 200 ? parseJson(answer) : undefined
  if (json === undefined) throw badAnswerError(address, request, answer)
  const token = checkAnswer(tokenAnswer, json, describeRequest(request)).access_token
  if (!isBearerToken(token)) throw badAnswerError(address, request, answer)
  return { token }
}
