import { LedgerError } from '../../errors.ts'
import { type PanelAddress, redirectedAddress } from '../transport/address.ts'
import { parseExactJson } from '../transport/exact-json.ts'
import { describeRequest, type PanelAnswer, type PanelRequest } from '../transport/transport.ts'
import { detailAnswer, invalidAnswer } from './schemas.ts'

/** The answer's JSON; undefined when it is something else, or broken. */
export function parseJson(answer: PanelAnswer): unknown {
  if (answer.contentType !== 'application/json') return undefined
  try {
    return parseExactJson(answer.text)
  } catch {
    // The parser's message quotes the text, which may hold secrets.
    return undefined
  }
}

/** The sentence in Marzban's refusal, `{"detail": "User not found"}`; null: the answer is not Marzban's. */
export function detailOf(answer: PanelAnswer): string | null {
  const json = parseJson(answer)
  return detailAnswer.Check(json) ? json.detail : null
}

/**
 * The error for an answer that is no success.
 *
 * A 401 or 403 counts as the panel's only in the panel's own form: a page of HTML comes from a proxy or a firewall in front of
 * it, and says nothing about an account.
 *
 * @param who the owner of the token, for the message.
 * @param bearer the token: an answer may repeat it, a message must not.
 */
export function refusalError(
  address: PanelAddress,
  request: PanelRequest,
  answer: PanelAnswer,
  { who, bearer }: { who: string; bearer: string },
): LedgerError {
  const what = describeRequest(request)
  const { status } = answer
  if (status >= 500) {
    const message = `The panel failed at ${what} (${status}).`
    return new LedgerError('panel_failed', message, { unusable: status === 500 })
  }
  if (status >= 300 && status < 400) return redirectError(address, request, answer)
  const reason = reasonOf(answer)
  if (reason === null) return badAnswerError(address, request, answer)
  const said = summarise(withoutAddress(reason.replaceAll(bearer, '...'), address))
  switch (status) {
    case 401:
      return new LedgerError('panel_unauthorized', `The panel does not accept the token of ${who}.`)
    case 403:
      return new LedgerError('panel_forbidden', `The panel does not allow ${who} ${what}: ${said}.`)
    case 404:
      return badAnswerError(address, request, answer, `: ${said}`)
    default:
      return new LedgerError('panel_bad_answer', `The panel refuses ${what} (${status}): ${said}.`)
  }
}

function reasonOf(answer: PanelAnswer): string | null {
  const json = parseJson(answer)
  if (detailAnswer.Check(json)) return json.detail
  if (!invalidAnswer.Check(json)) return null
  return Object.entries(json.detail)
    .map(([field, problem]) => `${field}: ${problem}`)
    .join('; ')
}

/** The error for an answer that Marzban does not give to this request. */
export function badAnswerError(
  address: PanelAddress,
  request: PanelRequest,
  answer: PanelAnswer,
  said = '',
): LedgerError {
  const form = summarise(withoutAddress(answer.contentType, address)) || 'no content type'
  return new LedgerError(
    'panel_bad_answer',
    `The answer to ${describeRequest(request)} is not one of Marzban (${answer.status}, ${form})${said}. ` +
      'Is MARZBAN_URL the address of the panel? Does a proxy in front of the panel answer in its place?',
    { forOperator: `The answer came from ${address.host}.` },
  )
}

function redirectError(address: PanelAddress, request: PanelRequest, answer: PanelAnswer): LedgerError {
  const target = redirectedAddress(address, request.path, answer.location)
  return new LedgerError(
    'panel_bad_answer',
    `The panel redirects ${describeRequest(request)} (${answer.status}). Redirects are not followed. Is MARZBAN_URL right?`,
    target === null ? {} : { forOperator: `Set MARZBAN_URL to ${summarise(target)}.` },
  )
}

/** A foreign text without the panel's address, which no caller may see. */
function withoutAddress(text: string, { host }: PanelAddress): string {
  const hostname = host.replace(/:\d+$/, '')
  return text.replaceAll(host, '...').replaceAll(hostname, '...')
}

/** A foreign text for a message: one line, not too long, without a full stop. */
function summarise(text: string): string {
  const line = text.replaceAll(/[\p{C}\s]+/gu, ' ').trim()
  return (line.length > 200 ? `${line.slice(0, 200).toWellFormed()}...` : line).replace(/(?<!\.)\.$/, '')
}
