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

/** Marzban's own word in a refusal, `{"detail": "User not found"}`; null when somebody else answered. */
export function detailOf(answer: PanelAnswer): string | null {
  const json = parseJson(answer)
  return detailAnswer.Check(json) ? json.detail : null
}

/**
 * Names what an answer that is no success means.
 *
 * A 401 or 403 counts as the panel's only in the panel's own form: a page of HTML comes from a proxy or a firewall before
 * it, and says nothing about an account.
 *
 * @param who whose token was sent, for the message.
 * @param bearer the token, which an answer may repeat and a message must not.
 */
export function nameRefusal(
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
  if (status >= 300 && status < 400) return nameRedirect(address, request, answer)
  const reason = reasonOf(answer)
  if (reason === null) return nameBadAnswer(address, request, answer)
  const said = summarise(withoutAddress(reason.replaceAll(bearer, '...'), address))
  switch (status) {
    case 401:
      return new LedgerError('panel_unauthorized', `The panel does not accept the token of ${who}.`)
    case 403:
      return new LedgerError('panel_forbidden', `The panel does not allow ${who} ${what}: ${said}.`)
    case 404:
      return nameBadAnswer(address, request, answer, `: ${said}`)
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

/** An answer that Marzban does not give to this request. */
export function nameBadAnswer(
  address: PanelAddress,
  request: PanelRequest,
  answer: PanelAnswer,
  said = '',
): LedgerError {
  const form = summarise(withoutAddress(answer.contentType, address)) || 'no content type'
  return new LedgerError(
    'panel_bad_answer',
    `What answered ${describeRequest(request)} is not Marzban as we know it (${answer.status}, ${form})${said}. ` +
      'Is MARZBAN_URL the address of the panel, with nothing in front of it that answers in its place?',
    { forOperator: `The answer came from ${address.host}.` },
  )
}

function nameRedirect(address: PanelAddress, request: PanelRequest, answer: PanelAnswer): LedgerError {
  const target = redirectedAddress(address, request.path, answer.location)
  return new LedgerError(
    'panel_bad_answer',
    `The panel redirects ${describeRequest(request)} (${answer.status}). Redirects are not followed: is MARZBAN_URL right?`,
    target === null ? {} : { forOperator: `Set MARZBAN_URL to ${summarise(target)}.` },
  )
}

/** A foreign text without the panel's address, which no caller is told. */
function withoutAddress(text: string, { host }: PanelAddress): string {
  const hostname = host.replace(/:\d+$/, '')
  return text.replaceAll(host, '...').replaceAll(hostname, '...')
}

/** A foreign text in a message: one line, bounded, without a full stop of its own. */
function summarise(text: string): string {
  const line = text.replaceAll(/[\p{C}\s]+/gu, ' ').trim()
  return (line.length > 200 ? `${line.slice(0, 200)}...` : line).replace(/(?<!\.)\.$/, '')
}
